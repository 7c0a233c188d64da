// Package soap reads and writes messages of SOAP 1.1 (W3C note of 8 May 2000) and SOAP 1.2 (part 1 and the HTTP binding
// of part 2, second edition): the envelope, the headers that must be understood, a UsernameToken of WS-Security, and
// faults. What stands in the Body is the API's own XML, which package codec reads; there is no SOAP encoding and no RPC.
//
// Reading order: message.go, header.go, security.go (reading), fault.go, write.go.
package soap
