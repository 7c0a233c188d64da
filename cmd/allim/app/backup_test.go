package app

import (
	"archive/tar"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/store/sqlite"
)

// dataFolder makes a data folder with the keys of a hub.
func dataFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	s, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"webpush-corp.pem", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestBackupWithAndWithoutKeys(t *testing.T) {
	dir, out := dataFolder(t), t.TempDir()
	for _, noKeys := range []bool{false, true} {
		file := filepath.Join(out, map[bool]string{false: "whole.tar", true: "bare.tar"}[noKeys])
		m, err := Backup(t.Context(), BackupOptions{Dir: dir, File: file, NoKeys: noKeys, Program: "test"})
		want := []string{"secret.key", "webpush-corp.pem"}
		if noKeys {
			want = []string{}
		}
		if err != nil || !slices.Equal(m.Keys, want) || m.Schema < 1 {
			t.Fatalf("%+v, %v", m, err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		to := filepath.Join(t.TempDir(), "data")
		if noKeys { // the keys were kept elsewhere
			if err := os.Mkdir(to, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := copyFile(filepath.Join(dir, "webpush-corp.pem"), filepath.Join(to, "webpush-corp.pem")); err != nil {
				t.Fatal(err)
			}
		}
		if r, err := Restore(t.Context(), file, to); err != nil || r.Program != "test" {
			t.Fatalf("%+v, %v", r, err)
		}
		left, err := os.ReadDir(to)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range left {
			names = append(names, e.Name())
		}
		if !slices.Equal(names, []string{"allim.db", "secret.key", "webpush-corp.pem"}) {
			t.Errorf("restored: %q", names)
		}
		if _, err := Backup(t.Context(), BackupOptions{Dir: dir, File: file}); notify.CodeOf(err) != notify.CodeWrongState {
			t.Errorf("over another file: %v", err)
		}
	}
	if left, err := os.ReadDir(out); err != nil || len(left) != 2 {
		t.Errorf("beside the backups: %v, %v", left, err)
	}
	if _, err := Backup(t.Context(), BackupOptions{Dir: out, File: filepath.Join(out, "none.tar")}); notify.CodeOf(err) != notify.CodeNotFound {
		t.Errorf("of a folder without data: %v", err)
	}
}

// TestRestoreRefuses what is no backup, and leaves nothing behind.
func TestRestoreRefuses(t *testing.T) {
	const manifest = `{"format":1,"schema":1,"keys":[]}`
	type entry struct{ name, text string }
	for name, list := range map[string][]entry{
		"no manifest":       {{"allim.db", "x"}},
		"another format":    {{"manifest.json", `{"format":2}`}},
		"a path":            {{"manifest.json", manifest}, {"../evil", "x"}},
		"another file":      {{"manifest.json", manifest}, {"allim.db", "x"}, {"allim.lock", "x"}},
		"a key elsewhere":   {{"manifest.json", manifest}, {"webpush-../../x.pem", "x"}},
		"no data":           {{"manifest.json", manifest}},
		"twice":             {{"manifest.json", manifest}, {"allim.db", ""}, {"allim.db", ""}},
		"data that is none": {{"manifest.json", manifest}, {"allim.db", strings.Repeat("no database ", 1000)}},
	} {
		file, to := filepath.Join(t.TempDir(), "b.tar"), filepath.Join(t.TempDir(), "data")
		f, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		w := tar.NewWriter(f)
		for _, e := range list {
			if err := w.WriteHeader(&tar.Header{Name: e.name, Mode: 0o600, Size: int64(len(e.text))}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte(e.text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := Restore(context.WithoutCancel(t.Context()), file, to); err == nil {
			t.Errorf("%s: restored", name)
		}
		if left, err := os.ReadDir(to); err != nil || len(left) > 0 {
			t.Errorf("%s: left behind: %v, %v", name, left, err)
		}
	}
}
