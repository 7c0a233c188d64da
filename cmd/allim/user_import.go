package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"golang.org/x/text/encoding/korean"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/client"
	"allim.dev/allim/notify/api/wire"
)

// Limits of an import.
const (
	maxImport      = 256 << 20 // bytes
	importParallel = 8         // calls at once
)

func (c *cli) userImport() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE.csv",
		Short: "Add or replace people from a CSV file",
		Long: "Add or replace people from a CSV file; - is standard input. The first line names the columns: id, name,\n" +
			"locale, time_zone, identity (kind:value), or an identity's kind, such as email, phone, employee. Several\n" +
			"values in one field are separated by ;. The file is UTF-8, or CP949 as Korean spreadsheets write it.\n" +
			"Nothing is sent when a line is wrong; each wrong line is named.",
		Args: cobra.ExactArgs(1),
		RunE: c.hub(func(ctx context.Context, hub *client.Client, args []string) error {
			data, err := c.readAll(args[0])
			if err != nil {
				return err
			}
			people, err := parsePeople(data)
			if err != nil {
				return err
			}
			return c.putPeople(ctx, hub, people)
		}),
	}
}

// readAll reads a file, or standard input for "-".
func (c *cli) readAll(file string) ([]byte, error) {
	in := c.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxImport+1))
	if err == nil && len(data) > maxImport {
		err = fmt.Errorf("%s is longer than %d bytes", file, maxImport)
	}
	return data, err
}

// person is one line of the file.
type person struct {
	line int
	id   string
	in   wire.UserInput
}

// parsePeople reads the file; the error names every line that is wrong.
func parsePeople(data []byte) ([]person, error) {
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	if !utf8.Valid(data) {
		decoded, err := korean.EUCKR.NewDecoder().Bytes(data)
		if err != nil || bytes.ContainsRune(decoded, utf8.RuneError) {
			return nil, errors.New("the file is neither UTF-8 nor CP949")
		}
		data = decoded
	}
	r := csv.NewReader(bytes.NewReader(data))
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("line 1: the file has no line that names its columns: %w", err)
	}
	for i := range head {
		head[i] = strings.ToLower(strings.TrimSpace(head[i]))
	}
	if !slices.Contains(head, "id") {
		return nil, fmt.Errorf("line 1: there is no column id; the columns are: %s", strings.Join(head, ", "))
	}
	var people []person
	var wrong []error
	seen := map[string]int{}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return people, firstErrors(wrong)
		}
		line, _ := r.FieldPos(0)
		if err != nil {
			return nil, firstErrors(append(wrong, err)) // encoding/csv names the line
		}
		p := person{line: line}
		if err := p.read(head, row); err != nil {
			wrong = append(wrong, fmt.Errorf("line %d: %s", line, plain(err)))
			continue
		}
		if first, twice := seen[p.id]; twice {
			wrong = append(wrong, fmt.Errorf("line %d: the id %q stands in line %d already", line, p.id, first))
			continue
		}
		seen[p.id] = line
		people = append(people, p)
	}
}

// read takes one line, and checks what the hub would check, so that a wrong line is found before anything is sent.
func (p *person) read(head, row []string) error {
	for i, column := range head {
		value := strings.TrimSpace(row[i])
		switch column {
		case "":
		case "id":
			p.id = value
		case "name":
			p.in.Name = value
		case "locale":
			p.in.Locale = value
		case "time_zone", "timezone":
			p.in.TimeZone = value
		default:
			for _, v := range strings.Split(value, ";") {
				if v = strings.TrimSpace(v); v == "" {
					continue
				}
				id := notify.Identity{Kind: column, Value: v}
				if column == "identity" {
					var err error
					if id, err = notify.ParseIdentity(v); err != nil {
						return err
					}
				}
				p.in.Identities = append(p.in.Identities, wire.Identity(id))
			}
		}
	}
	u := notify.User{ID: p.id, Name: p.in.Name, Locale: p.in.Locale, TimeZone: p.in.TimeZone}
	for _, i := range p.in.Identities {
		u.Identities = append(u.Identities, notify.Identity(i))
	}
	_, err := u.Validate(notify.Normalizer{})
	return err
}

// putPeople sends them, and names every line that the hub refused.
func (c *cli) putPeople(ctx context.Context, hub *client.Client, people []person) error {
	var added, replaced atomic.Int64
	refused := make([]error, len(people))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(importParallel)
	for i, p := range people {
		g.Go(func() error {
			_, created, err := hub.PutUser(ctx, p.id, p.in)
			switch {
			case notify.CodeOf(err) == notify.CodeInvalid || notify.CodeOf(err) == notify.CodeIdentityTaken:
				refused[i] = fmt.Errorf("line %d: %s", p.line, plain(err))
			case err != nil:
				return fmt.Errorf("line %d: %w", p.line, err) // the rest would fail too
			case created:
				added.Add(1)
			default:
				replaced.Add(1)
			}
			return nil
		})
	}
	err := g.Wait()
	wrong := slices.DeleteFunc(refused, func(err error) bool { return err == nil })
	if err != nil {
		wrong = append(wrong, err)
	}
	if _, err := fmt.Fprintf(c.stdout, "%d added, %d replaced, %d refused\n", added.Load(), replaced.Load(), len(wrong)); err != nil {
		return err
	}
	return firstErrors(wrong)
}
