package dovecot

import (
	"fmt"
	"os"
	"os/user"
	"strings"
	"text/template"
)

// conf is the server's configuration. Limits are wide enough for hundreds of open IDLEs.
var conf = template.Must(template.New("dovecot.conf").Parse(`base_dir = {{.Dir}}/run
state_dir = {{.Dir}}/state
instance_name = allim-test
log_path = {{.Dir}}/log
log_timestamp = "%Y-%m-%dT%H:%M:%S "
login_log_format_elements = user=<%u> method=%m rip=%r
protocols = imap lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{{.Dir}}/cert.pem
ssl_key = <{{.Dir}}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_master_user_separator = {{.Separator}}
auth_failure_delay = 0
auth_cache_size = 0
mail_location = maildir:{{.Dir}}/mail/%u
mail_fsync = never
mail_max_userip_connections = 100000
first_valid_uid = 0
first_valid_gid = 0
postmaster_address = postmaster@example.com
{{- if .Rootless}}
default_internal_user = {{.User}}
default_internal_group = {{.Group}}
default_login_user = {{.User}}
{{- end}}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Drafts {
    auto = create
    special_use = \Drafts
  }
  mailbox Junk {
    auto = create
    special_use = \Junk
  }
  mailbox Sent {
    auto = create
    special_use = \Sent
  }
  mailbox Trash {
    auto = create
    special_use = \Trash
  }
}
passdb {
  driver = passwd-file
  master = yes
  args = {{.Dir}}/master.passwd
}
passdb {
  driver = static
  args = password={{.Password}}
}
userdb {
  driver = static
  args = uid={{.User}} gid={{.Group}} home={{.Dir}}/mail/%u allow_all_users=yes
}
service imap-login {
  inet_listener imap {
    port = {{.IMAPPort}}
  }
  inet_listener imaps {
    port = {{.IMAPSPort}}
    ssl = yes
  }
  # One login process serves many clients, instead of one process a connection.
  service_count = 0
  client_limit = 4000
  process_min_avail = 1
  {{- if .Rootless}}
  chroot =
  {{- end}}
}
service imap {
  process_limit = 4000
}
service lmtp {
  inet_listener lmtp {
    port = {{.LMTPPort}}
  }
}
service anvil {
  client_limit = 14000
  {{- if .Rootless}}
  chroot =
  {{- end}}
  # Without this one failed login delays every later login from the same address, by 2 to 15 seconds.
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  client_limit = 14000
}
service stats {
  client_limit = 8000
  {{- if .Rootless}}
  chroot =
  {{- end}}
}
{{.Extra}}
`))

// writeConf writes the configuration. As root, mail belongs to Debian's own user "mail"; else everything is the user's.
func (s *Server) writeConf() error {
	v := map[string]any{"Dir": s.dir, "Separator": Separator, "Password": Password, "Extra": s.extra,
		"IMAPPort": port(s.IMAP), "IMAPSPort": port(s.IMAPS), "LMTPPort": port(s.LMTP),
		"Rootless": os.Geteuid() != 0, "User": "mail", "Group": "mail"}
	if os.Geteuid() != 0 {
		me, err := user.Current()
		if err != nil {
			return err
		}
		group, err := user.LookupGroupId(me.Gid)
		if err != nil {
			return err
		}
		v["User"], v["Group"] = me.Username, group.Name
	} else if err := giveAway(s.path("mail"), "mail"); err != nil {
		return err
	}
	var b strings.Builder
	if err := conf.Execute(&b, v); err != nil {
		return err
	}
	master := fmt.Sprintf("%s:{PLAIN}%s\n", MasterUser, MasterPassword)
	if err := os.WriteFile(s.path("master.passwd"), []byte(master), 0o644); err != nil {
		return err
	}
	return os.WriteFile(s.path("dovecot.conf"), []byte(b.String()), 0o644)
}

func port(hostport string) string {
	return hostport[strings.LastIndexByte(hostport, ':')+1:]
}
