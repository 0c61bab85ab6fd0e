package main

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// A check is one case; its name is a sentence.
type check struct {
	name string
	run  func() error
}

// runAll runs cases one after the other, prints a line for each, and says whether all went well.
func runAll(group string, checks []check) bool {
	good := true
	for _, one := range checks {
		start := time.Now()
		if err := one.run(); err != nil {
			good = false
			fmt.Printf("not ok %s: %s # %s\n", group, one.name, strings.Join(strings.Fields(err.Error()), " "))
			continue
		}
		fmt.Printf("ok %s: %s # %d ms\n", group, one.name, time.Since(start).Milliseconds())
	}
	return good
}

func equal(what string, got, wanted any) error {
	if reflect.DeepEqual(got, wanted) {
		return nil
	}
	return fmt.Errorf("%s is %.300v, not %.300v", what, got, wanted)
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
