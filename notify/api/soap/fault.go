package soap

import (
	"encoding/xml"
	"errors"
	"net/http"

	"allim.dev/allim/notify/api/wire"
)

// FaultCode is the kind of a fault, in the words of 1.2 (part 1, section 5.4.6).
type FaultCode string

// The kinds. 1.1 says Client for Sender, Server for Receiver, and has no DataEncodingUnknown (section 4.4.1).
const (
	Sender              FaultCode = "Sender"
	Receiver            FaultCode = "Receiver"
	MustUnderstand      FaultCode = "MustUnderstand"
	VersionMismatch     FaultCode = "VersionMismatch"
	DataEncodingUnknown FaultCode = "DataEncodingUnknown"
)

// Fault is an error for which SOAP has a word of its own.
type Fault struct {
	Code    FaultCode
	Headers []xml.Name // of a MustUnderstand: those that are not understood
	Err     error      // what a caller of another form would be told
}

// Error implements error.
func (f *Fault) Error() string { return f.Err.Error() }

// Unwrap gives the error in the API's own words.
func (f *Fault) Unwrap() error { return f.Err }

// faultOf says whose fault a problem is. Who asks too often or while the hub is busy did nothing wrong with the message:
// the same one may do later, which is what Receiver means.
func faultOf(err error, p wire.Problem) *Fault {
	var f *Fault
	switch {
	case errors.As(err, &f):
		return f
	case p.Status >= http.StatusInternalServerError, p.Status == http.StatusTooManyRequests:
		return &Fault{Code: Receiver}
	}
	return &Fault{Code: Sender}
}

// status is the HTTP status of a fault: 500 in 1.1 (section 6.2); in 1.2 400 for the sender's and 500 for all others
// (part 2, section 7.5.2.2, table 20). A key that is missing stays 401 in both, else HTTP clients do not send theirs.
func (f *Fault) status(version string, p wire.Problem) int {
	switch {
	case p.Status == http.StatusUnauthorized:
		return http.StatusUnauthorized
	case version == SOAP12 && f.Code == Sender:
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

// word is the code in a version's own words.
func (f *Fault) word(version string) string {
	if version == SOAP12 {
		return string(f.Code)
	}
	switch f.Code {
	case Receiver:
		return "Server"
	case Sender, DataEncodingUnknown:
		return "Client"
	}
	return string(f.Code)
}
