package config

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
	goyaml "sigs.k8s.io/yaml/goyaml.v3"

	"github.com/prescale/prescale/api/v1alpha1"
)

// MaxFileBytes bounds what is read from one configuration file.
const MaxFileBytes = 16 << 20

// document is one YAML document of a file. The syntax tree is kept so that messages can name lines.
type document struct {
	file string
	line int
	root *goyaml.Node
}

// readDocuments splits a stream into its documents, leaving out empty ones.
func readDocuments(r io.Reader, name string) ([]document, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(text) > MaxFileBytes {
		return nil, fmt.Errorf("%s: more than %d bytes: too large for a configuration file", name, MaxFileBytes)
	}
	var docs []document
	decoder := goyaml.NewDecoder(strings.NewReader(string(text)))
	for {
		var node goyaml.Node
		switch err := decoder.Decode(&node); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if len(node.Content) == 0 || node.Content[0].Tag == "!!null" {
			continue
		}
		root := node.Content[0]
		docs = append(docs, document{file: name, line: root.Line, root: root})
	}
}

// decode fills in a typed object. Unknown and repeated fields are errors, as with
// kubectl --validate=strict.
func (d *document) decode(into any) error {
	text, err := goyaml.Marshal(d.root)
	if err != nil {
		return fmt.Errorf("%s:%d: %w", d.file, d.line, err)
	}
	data, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return fmt.Errorf("%s:%d: %w", d.file, d.line, err)
	}
	unknown, err := kjson.UnmarshalStrict(data, into)
	if err != nil {
		return d.decodeError(err)
	}
	var errs []error
	for _, u := range unknown {
		errs = append(errs, d.unknownField(u))
	}
	return errors.Join(errs...)
}

var (
	quotedValue = regexp.MustCompile(`"([^"]*)"`)
	structField = regexp.MustCompile(`cannot unmarshal (\w+) into Go (?:struct field \S*?\.)?(\S+) of type (\S+)`)
)

// decodeError adds the field to an error of the JSON decoder, which names the value only.
func (d *document) decodeError(err error) error {
	message := err.Error()
	if m := structField.FindStringSubmatch(message); m != nil {
		return fmt.Errorf("%s: %s: is a %s, must be a %s", d.at(m[2]), m[2], m[1], m[3])
	}
	if m := quotedValue.FindStringSubmatch(message); m != nil {
		if path, node := find(d.root, "", m[1]); node != nil {
			hint := ""
			if strings.Contains(message, "duration") {
				hint = `: must be a duration such as "90s" or "336h"`
			}
			return fmt.Errorf("%s:%d: %s: Invalid value: %q%s", d.file, node.Line, path, m[1], hint)
		}
	}
	return fmt.Errorf("%s:%d: %w", d.file, d.line, err)
}

// unknownField rewrites the decoder's `unknown field "spec.replica"`.
func (d *document) unknownField(err error) error {
	if m := quotedValue.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("%s: %s: unknown field; check the spelling and the indentation", d.at(m[1]), m[1])
	}
	return fmt.Errorf("%s:%d: %w", d.file, d.line, err)
}

// scaler decodes, defaults, validates and converts a PredictiveScaler.
func (d *document) scaler(dir string) (Scaler, error) {
	apiVersion, kind := value(d.root, "apiVersion"), value(d.root, "kind")
	if apiVersion != v1alpha1.GroupVersion || kind != v1alpha1.KindPredictiveScaler {
		return Scaler{}, fmt.Errorf("%s:%d: is kind %q of apiVersion %q: must be kind %s of apiVersion %s",
			d.file, d.line, kind, apiVersion, v1alpha1.KindPredictiveScaler, v1alpha1.GroupVersion)
	}
	var p v1alpha1.PredictiveScaler
	if err := d.decode(&p); err != nil {
		return Scaler{}, err
	}
	p.Default()
	if problems := p.Validate(); len(problems) > 0 {
		return Scaler{}, d.fieldErrors(problems)
	}
	s, err := NewScaler(p, dir)
	if err != nil {
		var problem *field.Error
		if errors.As(err, &problem) {
			return Scaler{}, d.fieldErrors(field.ErrorList{problem})
		}
		return Scaler{}, fmt.Errorf("%s:%d: %w", d.file, d.line, err)
	}
	return s, nil
}

// scenario decodes, defaults, validates and converts a Scenario.
func (d *document) scenario(dir string) (Scenario, error) {
	apiVersion, kind := value(d.root, "apiVersion"), value(d.root, "kind")
	if apiVersion != v1alpha1.GroupVersion || kind != v1alpha1.KindScenario {
		return Scenario{}, fmt.Errorf("%s:%d: is kind %q of apiVersion %q: must be kind %s of apiVersion %s",
			d.file, d.line, kind, apiVersion, v1alpha1.KindScenario, v1alpha1.GroupVersion)
	}
	var s v1alpha1.Scenario
	if err := d.decode(&s); err != nil {
		return Scenario{}, err
	}
	s.Default()
	if problems := s.Validate(); len(problems) > 0 {
		return Scenario{}, d.fieldErrors(problems)
	}
	out, err := NewScenario(s, dir)
	if err != nil {
		return Scenario{}, d.located(err)
	}
	return out, nil
}

// located adds file and line to each part of an error.
func (d *document) located(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, e := range joined.Unwrap() {
			errs = append(errs, d.located(e))
		}
		return errors.Join(errs...)
	}
	var problem *field.Error
	if errors.As(err, &problem) {
		return fmt.Errorf("%s: %w", d.at(problem.Field), problem)
	}
	return fmt.Errorf("%s:%d: %w", d.file, d.line, err)
}

func (d *document) fieldErrors(problems field.ErrorList) error {
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = fmt.Errorf("%s: %w", d.at(p.Field), p)
	}
	return errors.Join(errs...)
}

// at returns "file:line" of a field, or of the nearest part of its path that is in the document.
func (d *document) at(path string) string {
	node, line := d.root, d.line
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		next, nextLine := child(node, step)
		if next == nil {
			break
		}
		node, line = next, nextLine
	}
	return d.file + ":" + strconv.Itoa(line)
}

// child returns the value under a key or index, and the line where it is written.
func child(n *goyaml.Node, step string) (*goyaml.Node, int) {
	switch n.Kind {
	case goyaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return n.Content[i+1], n.Content[i].Line
			}
		}
	case goyaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i], n.Content[i].Line
		}
	}
	return nil, 0
}

// value returns the scalar under a key of a mapping, "" if there is none.
func value(n *goyaml.Node, key string) string {
	if c, _ := child(n, key); c != nil && c.Kind == goyaml.ScalarNode {
		return c.Value
	}
	return ""
}

// find returns the first scalar with the given value, and its path.
func find(n *goyaml.Node, path, scalar string) (string, *goyaml.Node) {
	switch n.Kind {
	case goyaml.ScalarNode:
		if n.Value == scalar {
			return path, n
		}
	case goyaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			if path != "" {
				key = path + "." + key
			}
			if p, found := find(n.Content[i+1], key, scalar); found != nil {
				return p, found
			}
		}
	case goyaml.SequenceNode:
		for i, c := range n.Content {
			if p, found := find(c, fmt.Sprintf("%s[%d]", path, i), scalar); found != nil {
				return p, found
			}
		}
	}
	return "", nil
}
