// Schema writes the JSON schema of the kind Scenario and a page that explains it field by field, both from the Go types
// and their comments, so that they cannot fall behind.
//
//	go run . -root ../../.. [-check]
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/prescale/prescale/api/v1alpha1"
)

const module = "github.com/prescale/prescale"

func main() {
	root := flag.String("root", "../../..", "the root of the repository")
	check := flag.Bool("check", false, "fail if a file is not up to date, instead of writing it")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "schema:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	// Comments are found relative to the working directory.
	if err := os.Chdir(root); err != nil {
		return err
	}
	schema, err := scenarioSchema()
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return err
	}
	files := map[string][]byte{
		filepath.Join("docs", "schema", "scenario.json"): append(text, '\n'),
		filepath.Join("docs", "scenario-fields.md"):      fieldsPage(schema),
	}
	var errs []error
	for _, path := range slices.Sorted(mapKeys(files)) {
		errs = append(errs, write(path, files[path], check))
	}
	return errors.Join(errs...)
}

func mapKeys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func write(path string, content []byte, check bool) error {
	old, err := os.ReadFile(path)
	if err == nil && bytes.Equal(old, content) {
		return nil
	}
	if check {
		return fmt.Errorf("%s is not up to date: run make generate", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}

// scenarioSchema reflects the schema.
func scenarioSchema() (*jsonschema.Schema, error) {
	text := func(description, pattern string) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "string", Description: description, Pattern: pattern}
	}
	r := &jsonschema.Reflector{
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			switch t {
			case reflect.TypeFor[metav1.Duration]():
				return text("", `^-?([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$|^0$`)
			case reflect.TypeFor[metav1.Time]():
				return &jsonschema.Schema{Type: "string", Format: "date-time"}
			case reflect.TypeFor[metav1.ObjectMeta]():
				properties := jsonschema.NewProperties()
				properties.Set("name", text("The scenario's name heads the results.", ""))
				return &jsonschema.Schema{Type: "object", Properties: properties, Required: []string{"name"}}
			case reflect.TypeFor[autoscalingv2.HorizontalPodAutoscalerBehavior]():
				return &jsonschema.Schema{Type: "object", Description: "As spec.behavior of an autoscaling/v2 HorizontalPodAutoscaler."}
			case reflect.TypeFor[v1alpha1.SweepValue]():
				return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "number"}, text("", `^([0-9.]+(ns|us|ms|s|m|h))+$`)}}
			}
			return nil
		},
		BaseSchemaID: "",
		Anonymous:    true,
	}
	if err := r.AddGoComments(module, filepath.Join(".", "api", "v1alpha1"), jsonschema.WithFullComment()); err != nil {
		return nil, err
	}
	schema := r.Reflect(&v1alpha1.Scenario{})
	schema.Title = "Scenario of " + v1alpha1.GroupVersion
	scenario := schema.Definitions["Scenario"]
	scenario.Required = []string{"apiVersion", "kind", "metadata", "spec"}
	for key, value := range map[string]string{"apiVersion": v1alpha1.GroupVersion, "kind": v1alpha1.KindScenario} {
		property, _ := scenario.Properties.Get(key)
		property.Const = value
	}
	// In a file a balancer may also be a name.
	balancer := schema.Definitions["Balancer"]
	schema.Definitions["Balancer"] = &jsonschema.Schema{
		Description: balancer.Description,
		OneOf: []*jsonschema.Schema{
			{Enum: []any{"random", "roundRobin", "powerOfTwo", "leastRequest", "centralQueue"}},
			{Type: "object", Properties: balancer.Properties, Required: balancer.Required, AdditionalProperties: balancer.AdditionalProperties},
		},
	}
	return schema, nil
}

// fieldsPage writes every field with its type and comment, types in the order in which they are met.
func fieldsPage(schema *jsonschema.Schema) []byte {
	var b bytes.Buffer
	b.WriteString("# Fields of a Scenario\n\nGenerated from the Go types by `make generate`. Values in parentheses are defaults. Durations are written as Go\n" +
		"writes them (`90s`, `336h`), rates are per second, ratios lie in [0, 1].\n")
	seen := map[string]bool{}
	queue := []string{"Scenario"}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		def := schema.Definitions[name]
		if def == nil {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| field | type | |\n| --- | --- | --- |\n", name, line(def.Description))
		body := def
		if len(def.OneOf) == 2 {
			body = def.OneOf[1]
		}
		for p := body.Properties.Oldest(); p != nil; p = p.Next() {
			kind, ref := typeOf(p.Value)
			if ref != "" {
				queue = append(queue, ref)
			}
			required := ""
			if slices.Contains(body.Required, p.Key) {
				required = "**required** "
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", p.Key, kind, strings.TrimSpace(required+line(p.Value.Description)))
		}
	}
	return b.Bytes()
}

// typeOf names a type for a reader, and the definition that it refers to.
func typeOf(s *jsonschema.Schema) (text, ref string) {
	switch {
	case s.Ref != "":
		name := s.Ref[strings.LastIndex(s.Ref, "/")+1:]
		return fmt.Sprintf("[%s](#%s)", name, strings.ToLower(name)), name
	case s.Type == "array":
		inner, ref := typeOf(s.Items)
		return "list of " + inner, ref
	case s.Type == "object" && s.AdditionalProperties != nil && s.AdditionalProperties.Type != "":
		inner, ref := typeOf(s.AdditionalProperties)
		return "map to " + inner, ref
	case len(s.OneOf) > 0:
		return "number or duration", ""
	case s.Pattern != "":
		return "duration", ""
	case s.Format == "date-time":
		return "time", ""
	}
	return s.Type, ""
}

// line folds a comment into one line of a table.
func line(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", "\\|")
}
