package configs_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"allim.dev/allim/configs"
)

// TestPlain: as strict as a configuration, but no text of it leads to the environment or to a file.
func TestPlain(t *testing.T) {
	t.Setenv("ALLIM_TEST_SECRET", "secret")
	type item struct {
		Text   string `yaml:"text"`
		CAFile string `yaml:"ca_file"`
	}
	var got struct {
		Items []item `yaml:"items"`
	}
	for _, text := range []string{
		"items:\n  - text: env:ALLIM_TEST_SECRET\n    ca_file: file:secret\n",
		"{\n  \"items\": [\n    {\"text\": \"env:ALLIM_TEST_SECRET\", \"ca_file\": \"file:secret\"}\n  ]\n}\n",
	} {
		section, err := configs.Plain("faults", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := section.Decode(&got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]item{{"env:ALLIM_TEST_SECRET", "file:secret"}}, got.Items); diff != "" {
			t.Error(diff)
		}
	}
	section, err := configs.Plain("faults", []byte("items:\n  - text: a\n    txet: b\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := `faults: line 3, column 5: unknown key "txet" in items[0]; did you mean "text"?`
	if err := section.Decode(&got); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := configs.Plain("faults", []byte("items: [\n")); err == nil {
		t.Error("broken YAML was taken")
	}
}
