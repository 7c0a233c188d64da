// Package codec is the one renderer and the one strict reader of the API's two forms, JSON and XML. Both are driven by
// the same Go structs, by contract.md section 3:
//
//   - an object is an element, its fields are child elements of the same name (the json tag);
//   - an array is an element that holds one element in the singular for each item;
//   - a map is an element that holds <entry key="k">v</entry>;
//   - a field with the tag xml:"name,attr" or xml:",chardata" is an attribute or the text of its element, which is how
//     an identity becomes <identity kind="email">a@b</identity>;
//   - the root element is the type's name in lowerCamelCase.
//
// A blank field `_ struct{}` with a tag such as wire:"problem,ns=urn:ietf:rfc:7807,item=i" changes the root's name, the
// namespace and the name of array items.
//
// A document is read in three steps: to UTF-8 (charset.go), to a tree (read_json.go, read_xml.go), and from the tree into
// the struct (bind.go), so that every rule about fields is written once and every fault is named at once, by its path.
package codec
