package cli

import (
	"regexp"
	"strings"
)

// settings are the app settings: environment variables first, then local.settings.json.
type settings struct {
	env map[string]string
	*project
}

// get returns a setting. The parts of a name may be separated by __ or by a colon, and local.settings.json does not
// heed case.
func (s *settings) get(name string) string {
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
func (s *settings) expand(where, text string) (string, error) {
	var missing string
	expanded := reference.ReplaceAllStringFunc(text, func(ref string) string {
		v := s.get(strings.Trim(ref, "%"))
		if v == "" {
			missing = ref
		}
		return v
	})
	if missing != "" {
		return "", usageError("%s says %s, but there is no setting of that name", where, missing)
	}
	return expanded, nil
}

// hostSetting is the name of the setting that overrules host.json.
func hostSetting(name string) string {
	return "AzureFunctionsJobHost__extensions__durableTask__" + name
}

// overrule puts the settings that overrule host.json in place.
func (s *settings) overrule() hostJSON {
	h := s.host
	set := func(field *string, names ...string) {
		for _, name := range names {
			if v := s.get(hostSetting(name)); v != "" {
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
