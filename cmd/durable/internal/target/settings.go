package target

import (
	"fmt"
	"regexp"
	"strings"
)

// Settings are the app settings and host.json of the Functions app that a folder lies in. Environment variables go before
// local.settings.json.
type Settings struct {
	env map[string]string
	*project
}

// ReadSettings reads local.settings.json and host.json in the folder, or in the nearest one above it that has one of them;
// it is no error if none has. No value of a setting gets into an error.
func ReadSettings(env map[string]string, folder string) (*Settings, error) {
	p, err := findProject(folder)
	if err != nil {
		return nil, err
	}
	return &Settings{env, p}, nil
}

// Get returns a setting, "" if there is none. The parts of a name may be separated by __ or by a colon, and
// local.settings.json does not heed case.
func (s *Settings) Get(name string) string {
	names := []string{name, strings.ReplaceAll(name, "__", ":")}
	for _, n := range names {
		if v := s.env[n]; v != "" {
			return v
		}
	}
	for _, n := range names {
		if v := s.values[strings.ToLower(n)]; v != "" {
			return v
		}
	}
	return ""
}

var reference = regexp.MustCompile(`%[^%]+%`)

// expand replaces %Setting% by the setting.
func (s *Settings) expand(where, text string) (string, error) {
	var missing string
	expanded := reference.ReplaceAllStringFunc(text, func(ref string) string {
		v := s.Get(strings.Trim(ref, "%"))
		if v == "" {
			missing = ref
		}
		return v
	})
	if missing != "" {
		return "", fmt.Errorf("%s says %s, but there is no setting of that name", where, missing)
	}
	return expanded, nil
}

// hostSetting is the name of the setting that overrules host.json.
func hostSetting(name string) string {
	return "AzureFunctionsJobHost__extensions__durableTask__" + name
}

// overrule puts the settings that overrule host.json in place.
func (s *Settings) overrule() hostJSON {
	h := s.host
	set := func(field *string, names ...string) {
		for _, name := range names {
			if v := s.Get(hostSetting(name)); v != "" {
				*field = v
				return
			}
		}
	}
	set(&h.hub, "hubName")
	set(&h.provider, "storageProvider__type")
	set(&h.connection, "storageProvider__connectionName", "storageProvider__connectionStringName")
	return h
}
