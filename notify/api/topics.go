package api

import (
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

func (a *API) putMember(c *call, _ *wire.None) (*wire.None, error) {
	topic := c.param("topic")
	if err := notify.CheckName(topic); err != nil {
		return nil, invalid("the topic's name is not valid", []notify.FieldError{{Path: "topic", Message: err.Error()}})
	}
	return nil, a.store.AddMember(c.ctx, topic, c.param("user"))
}

func (a *API) deleteMember(c *call, _ *wire.None) (*wire.None, error) {
	return nil, a.store.RemoveMember(c.ctx, c.param("topic"), c.param("user"))
}

func (a *API) listTopics(c *call, _ *wire.None) (*wire.TopicList, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	list, err := a.store.Topics(c.ctx, p)
	if err != nil {
		return nil, err
	}
	return &wire.TopicList{Topics: mapped(list, func(t notify.Topic) wire.Topic { return wire.Topic{Name: t.Name, Count: t.Members} }),
		Next: next(p, list, func(t notify.Topic) string { return t.Name })}, nil
}

// getTopic gives a page of the members.
func (a *API) getTopic(c *call, _ *wire.None) (*wire.Topic, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	list, err := a.store.Members(c.ctx, c.param("topic"), p)
	if err != nil {
		return nil, err
	}
	return &wire.Topic{Name: c.param("topic"), Members: list, Next: next(p, list, func(u string) string { return u })}, nil
}
