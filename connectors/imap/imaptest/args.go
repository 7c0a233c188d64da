package imaptest

import "strings"

// parseArgs splits a command's arguments: atoms, quoted strings, literals, and parenthesised lists kept as they are.
func parseArgs(s string) []string {
	var out []string
	for s = strings.TrimLeft(s, " "); s != ""; s = strings.TrimLeft(s, " ") {
		var word string
		switch s[0] {
		case '"':
			word, s = quoted(s[1:])
		case '(':
			word, s = parens(s)
		case '{':
			word, s = literal(s)
		default:
			word, s = bare(s)
		}
		out = append(out, word)
	}
	return out
}

func quoted(s string) (word, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:]
		case '\\':
			i++
			if i < len(s) {
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}

func parens(s string) (word, rest string) {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return s[:i+1], s[i+1:]
			}
		}
	}
	return s, ""
}

func literal(s string) (word, rest string) {
	head, body, ok := strings.Cut(s, "\r\n")
	n, _, isLiteral := literalAt(head)
	if !ok || !isLiteral || n > len(body) {
		return s, ""
	}
	return body[:n], body[n:]
}

// bare reads an atom; brackets hold spaces together, as in BODY.PEEK[HEADER.FIELDS (FROM)].
func bare(s string) (word, rest string) {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '[':
			depth++
		case ']':
			depth--
		case ' ':
			if depth <= 0 {
				return s[:i], s[i+1:]
			}
		}
	}
	return s, ""
}
