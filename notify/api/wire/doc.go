// Package wire holds the requests and answers of the API as Go structs: the server reads and writes them, the client
// reads and writes them, and the descriptions of the API are made from them. The json tags are the outside names; how
// they become XML is said in package codec. A time left out is the zero time.
package wire

// None is the request or answer of a call that has none.
type None struct{}
