// Package config reads the files that configure prescale and turns the types of api/v1alpha1 into
// the settings of the packages that do the work. It is the only converter between the two, so that a
// YAML file means the same to every command and to the adapter.
//
// A file holds one or more YAML documents. [ReadScalers] checks all of them and reports every problem
// it finds together, each with file, line, field, value and what is allowed.
package config

import (
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
