package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/prescale/prescale/config"
)

// validatedFile is one file in the JSON of prescale validate.
type validatedFile struct {
	Path   string   `json:"path"`
	Errors []string `json:"errors"`
}

func newValidate() *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use:   "validate -f FILE",
		Short: "Check configuration files",
		Long:  `validate reads configuration files as every other command would, and lists all that is wrong with them.`,
		Example: `  prescale validate -f scalers.yaml
  prescale validate -f a.yaml -f b.yaml -o json`,
		Args: noArgs,
	}
	cmd.Flags().StringArrayVarP(&files, "file", "f", nil, "file to check; may be repeated (required)")
	out := addOutput(cmd, "table", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := out.check(); err != nil {
			return err
		}
		if len(files) == 0 {
			return usageError{errors.New("-f is required: a file to check")}
		}
		result := struct {
			Files []validatedFile `json:"files"`
		}{}
		bad := 0
		for _, path := range files {
			v := validatedFile{Path: path, Errors: []string{}}
			if err := config.Validate(path); err != nil {
				v.Errors = strings.Split(err.Error(), "\n")
				bad++
			}
			result.Files = append(result.Files, v)
		}
		if out.format == "json" {
			if err := writeJSON(cmd.OutOrStdout(), result); err != nil {
				return err
			}
		} else {
			for _, v := range result.Files {
				text := v.Path + ": ok\n"
				if len(v.Errors) > 0 {
					text = strings.Join(v.Errors, "\n") + "\n"
				}
				if _, err := fmt.Fprint(cmd.OutOrStdout(), text); err != nil {
					return err
				}
			}
		}
		if bad > 0 {
			return usageError{fmt.Errorf("%d of %d files have errors", bad, len(files))}
		}
		return nil
	}
	return cmd
}

// readScaler returns the scaler of a file, by name where it holds several.
func readScaler(path, name string) (config.Scaler, error) {
	if path == "" {
		return config.Scaler{}, usageError{errors.New("-f is required: a file with a PredictiveScaler")}
	}
	scalers, err := config.ReadScalersFile(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return config.Scaler{}, usageError{fmt.Errorf("-f: %w", err)}
		}
		return config.Scaler{}, usageError{err}
	}
	var names []string
	for _, s := range scalers {
		if name == s.Name || name == s.Key() || (name == "" && len(scalers) == 1) {
			return s, nil
		}
		names = append(names, s.Key())
	}
	return config.Scaler{}, usageError{fmt.Errorf("%s holds %s: name one with --scaler", path, strings.Join(names, ", "))}
}
