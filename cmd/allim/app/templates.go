package app

import (
	"allim.dev/allim/configs"
	"allim.dev/allim/notify"
)

// Templates compiles the configuration's templates. The error names every mistake.
func Templates(c *configs.Config) (*notify.Templates, error) {
	list := make([]notify.TemplateConfig, len(c.Templates))
	for i, part := range c.Templates {
		list[i] = notify.TemplateConfig{ID: part.ID, Section: part.Section}
	}
	return notify.NewTemplates(list)
}
