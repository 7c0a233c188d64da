package web

// consolePhrases are of the console.
var consolePhrases = map[string]phrase{}
