package main

import "context"

func fluid(context.Context, []string) error { return nil }
