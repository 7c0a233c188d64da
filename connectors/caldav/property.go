package caldav

import (
	"encoding/xml"
	"slices"
	"strings"
)

// prop reads one property, by its name.
func (d *decoder) prop(p *props, e xml.StartElement) (err error) {
	switch name(e) {
	case "DAV: getetag":
		p.etag, err = d.text(maxText)
		p.etag = cleanTag(p.etag)
	case nsCS + " getctag":
		p.ctag, err = d.text(maxText)
	case "DAV: sync-token":
		p.syncToken, err = d.text(maxText)
	case "DAV: displayname":
		p.name, err = d.text(maxText)
	case nsCalDAV + " calendar-data":
		var text string
		text, err = d.text(maxObject)
		p.data, p.hasData = []byte(text), true
	case nsCalDAV + " calendar-timezone":
		p.timezone, err = d.text(64 << 10)
	case "DAV: resourcetype":
		err = d.children(func(e xml.StartElement) error { p.kind(e); return d.skip() })
	case nsCalDAV + " supported-calendar-component-set":
		err = d.children(func(e xml.StartElement) error {
			for _, a := range e.Attr {
				if a.Name.Local == "name" {
					p.components = keep(p.components, strings.ToUpper(a.Value))
				}
			}
			return d.skip()
		})
	case "DAV: supported-report-set":
		err = d.reports(p)
	default:
		return d.address(p, e)
	}
	return err
}

// address reads the properties that hold addresses.
func (d *decoder) address(p *props, e xml.StartElement) (err error) {
	switch name(e) {
	case "DAV: current-user-principal":
		err = d.children(func(e xml.StartElement) (err error) {
			switch name(e) {
			case "DAV: href":
				p.principal, err = d.text(maxText)
			case "DAV: unauthenticated":
				p.nobody = true
				fallthrough
			default:
				err = d.skip()
			}
			return err
		})
	case nsCalDAV + " calendar-home-set":
		p.homes, err = d.hrefs()
	case "DAV: owner", "http://owncloud.org/ns owner-principal": // Nextcloud's owner of a shared calendar is whom it is shared with
		var list []string
		if list, err = d.hrefs(); len(list) > 0 && (p.owner == "" || e.Name.Local == "owner-principal") {
			p.owner = list[0]
		}
	case nsCalDAV + " calendar-user-address-set":
		p.addresses, err = d.hrefs()
	case "DAV: principal-collection-set":
		p.principals, err = d.hrefs()
	default:
		err = d.skip()
	}
	return err
}

func (d *decoder) hrefs() (list []string, err error) {
	err = d.children(func(e xml.StartElement) error {
		if name(e) != "DAV: href" {
			return d.skip()
		}
		href, err := d.text(maxText)
		if href != "" {
			list = keep(list, href)
		}
		return err
	})
	return list, err
}

// reports reads supported-report-set (RFC 3253 section 3.1.5): supported-report, report, and the report's name.
func (d *decoder) reports(p *props) error {
	return d.children(func(xml.StartElement) error {
		return d.children(func(xml.StartElement) error {
			return d.children(func(e xml.StartElement) error {
				p.reports = keep(p.reports, e.Name.Local)
				return d.skip()
			})
		})
	})
}

// kind notes one element of a resourcetype.
func (p *props) kind(e xml.StartElement) {
	switch e.Name.Local {
	case "collection":
		p.collection = true
	case "calendar":
		p.calendar = p.calendar || e.Name.Space == nsCalDAV
	case "schedule-inbox", "schedule-outbox":
		p.inbox = true
	case "trash-bin", "deleted-calendar": // Nextcloud
		p.hidden = true
	}
}

// merge takes over what q has.
func (p *props) merge(q props) {
	for _, f := range []struct{ into, from *string }{{&p.etag, &q.etag}, {&p.ctag, &q.ctag}, {&p.syncToken, &q.syncToken},
		{&p.name, &q.name}, {&p.timezone, &q.timezone}, {&p.principal, &q.principal}, {&p.owner, &q.owner}} {
		if *f.from != "" {
			*f.into = *f.from
		}
	}
	if q.hasData {
		p.data, p.hasData = q.data, true
	}
	p.collection, p.calendar = p.collection || q.collection, p.calendar || q.calendar
	p.inbox, p.hidden, p.nobody = p.inbox || q.inbox, p.hidden || q.hidden, p.nobody || q.nobody
	for _, f := range []struct{ into, from *[]string }{{&p.components, &q.components}, {&p.homes, &q.homes},
		{&p.addresses, &q.addresses}, {&p.principals, &q.principals}, {&p.reports, &q.reports}} {
		*f.into = append(*f.into, *f.from...)
	}
}

func keep(list []string, v string) []string {
	if len(list) >= maxListed || slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}

// cleanTag makes an etag comparable: weak or not, quoted or not, it names one state of the object. Servers answer
// W/"x" in one place and "x" or x in another.
func cleanTag(s string) string {
	s = strings.TrimPrefix(s, "W/")
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	return s
}
