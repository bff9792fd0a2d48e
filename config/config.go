// Package config reads the files that configure prescale and turns the types of api/v1alpha1 into
// the settings of the packages that do the work. It is the only converter between the two, so that a
// YAML file means the same to every command and to the adapter.
//
// A file holds one or more YAML documents. [ReadScalers] checks all of them and reports every problem
// it finds together, each with file, line, field, value and what is allowed.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/prescale/prescale/api/v1alpha1"
)

// ReadScalersFile reads the PredictiveScalers in a file; relative paths in it are relative to it.
func ReadScalersFile(path string) ([]Scaler, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading only: nothing can be lost
	return ReadScalers(f, path)
}

// ReadScalers reads the PredictiveScalers of a stream of YAML documents. The name is the file's, for
// messages and to resolve relative paths. Two scalers of the same namespace and name are an error,
// since both would answer the same metric.
func ReadScalers(r io.Reader, name string) ([]Scaler, error) {
	docs, err := readDocuments(r, name)
	if err != nil {
		return nil, err
	}
	var (
		scalers []Scaler
		errs    []error
		first   = map[string]*document{}
	)
	for i := range docs {
		doc := &docs[i]
		s, err := doc.scaler(filepath.Dir(name))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if other, taken := first[s.Key()]; taken {
			errs = append(errs, fmt.Errorf("%s: the PredictiveScaler %s is there already, at line %d", doc.at("metadata.name"), s.Key(), other.line))
			continue
		}
		first[s.Key()] = doc
		scalers = append(scalers, s)
	}
	if len(docs) == 0 {
		errs = append(errs, fmt.Errorf("%s: holds no YAML document: expected kind %s of %s", name, v1alpha1.KindPredictiveScaler, v1alpha1.GroupVersion))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return scalers, nil
}

// ReadScenarioFile reads the one Scenario of a file; relative paths in it are relative to it.
func ReadScenarioFile(path string) (Scenario, error) {
	f, err := os.Open(path)
	if err != nil {
		return Scenario{}, err
	}
	defer f.Close() //nolint:errcheck // opened for reading only: nothing can be lost
	return ReadScenario(f, path)
}

// ReadScenario reads the one Scenario of a stream of YAML documents. The name is the file's, for messages and to resolve
// relative paths.
func ReadScenario(r io.Reader, name string) (Scenario, error) {
	docs, err := readDocuments(r, name)
	if err != nil {
		return Scenario{}, err
	}
	if len(docs) != 1 {
		return Scenario{}, fmt.Errorf("%s: holds %d YAML documents: expected one of kind %s of %s", name, len(docs), v1alpha1.KindScenario, v1alpha1.GroupVersion)
	}
	return docs[0].scenario(filepath.Dir(name))
}

// Validate reads a file of any kind as a command would that uses it, and reports everything that is wrong with it.
func Validate(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	docs, err := readDocuments(bytes.NewReader(text), path)
	if err == nil && len(docs) > 0 && value(docs[0].root, "kind") == v1alpha1.KindScenario {
		_, err = ReadScenario(bytes.NewReader(text), path)
		return err
	}
	_, err = ReadScalers(bytes.NewReader(text), path)
	return err
}
