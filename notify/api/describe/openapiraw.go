package describe

import (
	"encoding/json"
	"net/http"
	"strconv"

	"allim.dev/allim/notify/api/codec"
)

func (b *Book) rawOperation(r Raw) object {
	op := head(r.entry, r.Scopes)
	if r.Own {
		op["security"] = []object{{"key": []string{}}, {"basic": []string{}}, {"oldKey": []string{}}, {"queryKey": []string{}}}
	}
	ps := r.Params
	for _, m := range inPath.FindAllStringSubmatch(r.Path, -1) {
		ps = append([]Param{pathParam(r.Path, m[1])}, ps...)
	}
	if len(ps) > 0 {
		op["parameters"] = params(ps)
	}
	if r.Request != nil {
		op["requestBody"] = object{"required": true, "content": b.media(r.Request)}
	}
	answer := object{"description": http.StatusText(r.Status)}
	if r.Answer != nil {
		answer["content"] = b.media(r.Answer)
	}
	answers := object{strconv.Itoa(r.Status): answer}
	for status, text := range r.Also {
		answers[strconv.Itoa(status)] = object{"description": text}
	}
	if !r.Own {
		answers["4XX"] = object{"$ref": "#/components/responses/Problem"}
		answers["5XX"] = object{"$ref": "#/components/responses/Problem"}
	}
	op["responses"] = answers
	return op
}

func (b *Book) media(list []Media) object {
	out := object{}
	for _, m := range list {
		o := object{"schema": object{"type": "string"}}
		if m.Type == "application/json" {
			o["schema"] = object{}
		}
		if m.Struct != nil {
			o["schema"] = ref(m.Struct)
			o["example"] = json.RawMessage(b.Example(m.Struct, codec.JSON))
		}
		switch {
		case m.Example == "":
		case m.Type == "application/json":
			o["example"] = json.RawMessage(m.Example)
		default:
			o["example"] = m.Example
		}
		out[m.Type] = o
	}
	return out
}
