package main

import (
	"context"
	"errors"
	"iter"
	"net"
	"os"

	"github.com/spf13/cobra"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/client"
)

// The environment of the admin commands.
const (
	envURL     = "ALLIM_URL"
	envKey     = "ALLIM_KEY"
	defaultURL = "http://127.0.0.1:8080"
)

// client gives the hub that the environment names.
func (c *cli) client() (*client.Client, error) {
	url := os.Getenv(envURL)
	if url == "" {
		url = defaultURL
	}
	key := os.Getenv(envKey)
	if key == "" {
		return nil, errors.New(envKey + " is not set; it holds an API key, such as one that `allim key create --data DIR` made")
	}
	return client.New(client.Options{URL: url, Key: key})
}

// ask is a command's work with the hub.
type ask func(ctx context.Context, hub *client.Client, args []string) error

// hub makes a cobra RunE of an ask.
func (c *cli) hub(f ask) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		hub, err := c.client()
		if err != nil {
			return err
		}
		return hinted(f(cmd.Context(), hub, args))
	}
}

// hinted adds where to look to errors whose cause is the environment.
func hinted(err error) error {
	var network net.Error
	switch code := notify.CodeOf(err); {
	case code == notify.CodeUnauthenticated:
		return notify.Errorf(code, "%s; the key is the one in %s", plain(err), envKey)
	case code == notify.CodeUnavailable && errors.As(err, &network):
		return notify.Errorf(code, "%s; is it running? %s says where it is", plain(err), envURL)
	}
	return err
}

// each does f with every entry of a listing.
func each[T any](all iter.Seq2[T, error], f func(T)) error {
	for item, err := range all {
		if err != nil {
			return err
		}
		f(item)
	}
	return nil
}

// gather collects a whole listing.
func gather[T any](page func(client.Page) ([]T, string, error)) ([]T, error) {
	out := []T{} // an empty list in JSON, not null
	err := each(client.All(page), func(item T) { out = append(out, item) })
	return out, err
}
