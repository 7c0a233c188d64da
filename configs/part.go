package configs

// readParts decodes what all parts have: an id. The rest is left to who knows what it means.
func readParts(sections []*Section) (parts []Part, problems Problems) {
	for _, s := range sections {
		if s == nil { // an empty entry, named already
			continue
		}
		var own struct {
			ID string `yaml:"id"`
		}
		d := decoder{section: s, loose: true}
		d.decode(&own)
		problems = append(problems, d.problems...)
		if s.broken() {
			continue
		}
		var c checks
		c.name(s, "id", own.ID)
		problems = append(problems, c.problems...)
		parts = append(parts, Part{ID: own.ID, Section: s.rest(d.taken)})
	}
	return parts, problems
}
