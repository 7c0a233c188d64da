package describe

import (
	"reflect"

	"allim.dev/allim/notify/api/codec"
)

// object is a JSON object of the document; encoding/json writes its keys in order.
type object = map[string]any

func ref(t reflect.Type) object { return object{"$ref": "#/components/schemas/" + t.Name()} }

// schemaOf gives the JSON Schema (2020-12) of an object. Fields that are not in it are refused in a request, and an answer
// of this hub has none.
func (b *Book) schemaOf(m *codec.Model) object {
	fields, required := object{}, []string{}
	for _, f := range m.Fields {
		fields[f.Name] = b.fieldSchema(f)
		if !f.Optional {
			required = append(required, f.Name)
		}
	}
	out := object{"type": "object", "properties": fields, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	if text := b.comments.ofType(m.Type); text != "" {
		out["description"] = text
	}
	return out
}

func (b *Book) fieldSchema(f codec.ModelField) object {
	out := valueSchema(f.Model, wordsOf(f))
	if text := b.comments.ofField(f.Owner, f.Go); text != "" {
		out["description"] = text // 2020-12 allows it beside $ref
	}
	return out
}

func valueSchema(m *codec.Model, words []string) object {
	switch m.Kind {
	case codec.Object:
		return ref(m.Type)
	case codec.List:
		return object{"type": "array", "items": valueSchema(m.Elem, words)}
	case codec.Map:
		return object{"type": "object", "additionalProperties": valueSchema(m.Elem, words)}
	case codec.Bool:
		return object{"type": "boolean"}
	case codec.Int:
		if m.Type.Bits() < 64 {
			return object{"type": "integer", "format": "int32"}
		}
		return object{"type": "integer", "format": "int64"}
	case codec.Float:
		return object{"type": "number"}
	case codec.Time:
		return object{"type": "string", "format": "date-time"}
	}
	if words != nil {
		return object{"type": "string", "enum": words}
	}
	return object{"type": "string"}
}
