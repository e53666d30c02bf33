package screen

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// yamlOf returns a JSON text as YAML, with its members in their order and its numbers as they are written.
func yamlOf(text []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	node, err := yamlNode(dec)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(node); err != nil {
		return nil, err
	}
	return b.Bytes(), enc.Close()
}

// yamlNode reads one value.
func yamlNode(dec *json.Decoder) (*yaml.Node, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return yamlScalar(token)
	}
	node := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	if delim == '[' {
		node = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	}
	for dec.More() {
		n := 1
		if delim == '{' {
			n = 2 // the name is a value as well
		}
		for range n {
			child, err := yamlNode(dec)
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, child)
		}
	}
	if len(node.Content) == 0 {
		node.Style = yaml.FlowStyle
	}
	_, err = dec.Token()
	return node, err
}

func yamlScalar(token json.Token) (*yaml.Node, error) {
	node := &yaml.Node{Kind: yaml.ScalarNode}
	switch v := token.(type) {
	case string:
		node.SetString(v)
	case json.Number:
		node.Tag, node.Value = "!!float", v.String()
		if _, err := v.Int64(); err == nil {
			node.Tag = "!!int"
		}
	case bool:
		node.Tag, node.Value = "!!bool", fmt.Sprint(v)
	case nil:
		node.Tag, node.Value = "!!null", "null"
	default:
		return nil, fmt.Errorf("%v has no place in JSON", v)
	}
	return node, nil
}
