package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"allim.dev/allim/notify/api/client"
	"allim.dev/allim/notify/api/wire"
)

func (c *cli) topic() *cobra.Command {
	return group("topic", "Named groups of people", c.topicList(), c.topicAdd(), c.topicRemove())
}

func (c *cli) topicList() *cobra.Command {
	cmd := &cobra.Command{Use: "list [TOPIC]", Short: "List the topics, or one topic's members", Args: cobra.MaximumNArgs(1),
		RunE: c.hub(func(ctx context.Context, hub *client.Client, args []string) error {
			if len(args) == 1 {
				return c.listMembers(ctx, hub, args[0])
			}
			topics, err := gather(func(p client.Page) ([]wire.Topic, string, error) {
				l, err := hub.Topics(ctx, p)
				return l.Topics, l.Next, err
			})
			if err != nil {
				return err
			}
			t := table{head: []string{"TOPIC", "MEMBERS"}}
			for _, topic := range topics {
				t.add(topic.Name, strconv.FormatInt(topic.Count, 10))
			}
			return c.print(wire.TopicList{Topics: topics}, t)
		})}
	c.jsonFlag(cmd)
	return cmd
}

func (c *cli) listMembers(ctx context.Context, hub *client.Client, topic string) error {
	members, err := gather(func(p client.Page) ([]string, string, error) {
		l, err := hub.Topic(ctx, topic, p)
		return l.Members, l.Next, err
	})
	if err != nil {
		return err
	}
	t := table{head: []string{"USER"}}
	for _, m := range members {
		t.add(m)
	}
	return c.print(wire.Topic{Name: topic, Count: int64(len(members)), Members: members}, t)
}

func (c *cli) topicAdd() *cobra.Command {
	return &cobra.Command{Use: "add TOPIC USER...", Short: "Put people into a topic", Args: cobra.MinimumNArgs(2),
		RunE: c.hub(func(ctx context.Context, hub *client.Client, args []string) error {
			for _, user := range args[1:] {
				if err := hub.AddMember(ctx, args[0], user); err != nil {
					return err
				}
			}
			return c.done(nil, "%d in topic %s", len(args)-1, args[0])
		})}
}

func (c *cli) topicRemove() *cobra.Command {
	return &cobra.Command{Use: "remove TOPIC USER...", Short: "Take people out of a topic", Args: cobra.MinimumNArgs(2),
		RunE: c.hub(func(ctx context.Context, hub *client.Client, args []string) error {
			for _, user := range args[1:] {
				if err := hub.RemoveMember(ctx, args[0], user); err != nil {
					return err
				}
			}
			return c.done(nil, "%d taken out of topic %s", len(args)-1, args[0])
		})}
}
