// Package api serves the REST API of contract.md section 3 in JSON and XML.
//
// Reading order: routes.go (the one table of all calls), router.go, route.go (what happens around every call), negotiate.go and
// problem.go (the forms of answers and errors), auth.go (keys, tokens, the session cookie), then one file for each
// resource. The forms themselves are in package codec, the requests and answers in package wire, and a client for them
// in package client.
package api
