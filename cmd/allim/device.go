package main

import (
	"context"

	"github.com/spf13/cobra"

	"allim.dev/allim/notify/api/client"
	"allim.dev/allim/notify/api/wire"
)

func (c *cli) device() *cobra.Command {
	return group("device", "Devices that are pushed to", c.deviceList(), c.deviceRemove())
}

func (c *cli) deviceList() *cobra.Command {
	var user string
	cmd := &cobra.Command{Use: "list [--user ID]", Short: "List devices", Args: cobra.NoArgs,
		RunE: c.hub(func(ctx context.Context, hub *client.Client, _ []string) error {
			devices, err := devicesOf(ctx, hub, user)
			if err != nil {
				return err
			}
			t := table{head: []string{"ID", "USER", "APP", "PLATFORM", "NAME", "STATE", "REASON", "REGISTERED"}}
			for _, d := range devices {
				t.add(d.ID, d.User, d.App, string(d.Platform), d.Name, string(d.State), d.StateReason, when(d.RegisteredAt))
			}
			return c.print(wire.DeviceList{Devices: devices}, t)
		})}
	cmd.Flags().StringVar(&user, "user", "", "of one person, by `ID`")
	c.jsonFlag(cmd)
	return cmd
}

// devicesOf lists a user's devices; everybody's when user is empty.
func devicesOf(ctx context.Context, hub *client.Client, user string) ([]wire.Device, error) {
	if user != "" {
		l, err := hub.DevicesOf(ctx, user)
		return append([]wire.Device{}, l.Devices...), err
	}
	return gather(func(p client.Page) ([]wire.Device, string, error) {
		l, err := hub.Devices(ctx, p)
		return l.Devices, l.Next, err
	})
}

func (c *cli) deviceRemove() *cobra.Command {
	return &cobra.Command{Use: "remove ID", Short: "Remove a device", Args: cobra.ExactArgs(1),
		RunE: c.hub(func(ctx context.Context, hub *client.Client, args []string) error {
			return c.done(hub.DeleteDevice(ctx, args[0]), "the device %s is removed", args[0])
		})}
}

// deviceLine says a device in a few words.
func deviceLine(d wire.Device) string {
	line := d.ID + " " + d.App + "/" + string(d.Platform) + " " + string(d.State)
	if d.Name != "" {
		line += " (" + d.Name + ")"
	}
	return line
}
