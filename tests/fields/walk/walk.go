// Package walk lists the fields that Go's JSON decoder reads into a type.
package walk

import (
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"runtime/debug"
	"strings"
)

// Operation is an operation of the API, and a value of the type that its handler decodes the body into.
type Operation struct {
	Name string
	Body any
}

var (
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
)

// Print writes a line for each field of each operation: the operation, the path of the field, and the
// type of its value, separated by tabs. The items of a list are named by [], the values of a map by {}.
//
// forms has the forms of types that decode themselves, by the name of the type.
func Print(out io.Writer, operations []Operation, forms map[string]string) {
	for _, operation := range operations {
		walker := walker{forms: forms, emit: func(path, form string) {
			fmt.Fprintf(out, "%s\t%s\t%s\n", operation.Name, path, form)
		}}
		walker.value(reflect.TypeOf(operation.Body), "", nil)
	}
}

type walker struct {
	forms map[string]string
	emit  func(path, form string)
}

// value lists what a value of type t has. within has the types that it is part of.
func (w *walker) value(t reflect.Type, path string, within []reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if form, ok := w.forms[t.String()]; ok {
		w.emit(path, form)
		return
	}
	if decodes(t, textUnmarshaler) && !decodes(t, jsonUnmarshaler) {
		w.emit(path, "text")
		return
	}
	if decodes(t, jsonUnmarshaler) {
		panic(fmt.Sprintf("%s: %s decodes itself; give its form", path, t))
	}
	for _, outer := range within {
		if outer == t {
			panic(fmt.Sprintf("%s: %s contains itself", path, t))
		}
	}
	switch t.Kind() {
	case reflect.String:
		w.emit(path, "text")
	case reflect.Bool:
		w.emit(path, "flag")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		w.emit(path, "integer")
	case reflect.Float32, reflect.Float64:
		w.emit(path, "number")
	case reflect.Interface:
		w.emit(path, "any")
	case reflect.Slice, reflect.Array:
		// Go decodes a list of bytes from text, in base64.
		if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
			w.emit(path, "text")
			return
		}
		w.value(t.Elem(), path+"[]", within)
	case reflect.Map:
		w.value(t.Elem(), path+"{}", within)
	case reflect.Struct:
		names := map[string]bool{}
		w.fields(t, path, append(within, t), names)
		if len(names) == 0 {
			w.emit(path, "object")
		}
	default:
		panic(fmt.Sprintf("%s: %s has no JSON", path, t))
	}
}

// fields lists the fields of a struct, as encoding/json finds them: those of embedded structs as if
// they were fields of the struct itself, unless it has a field of the same name. names has the names
// that are taken.
func (w *walker) fields(t reflect.Type, path string, within []reflect.Type, names map[string]bool) {
	own := map[string]bool{}
	for i := range t.NumField() {
		if name, embedded := named(t.Field(i)); embedded == nil && name != "" && !names[name] {
			own[name] = true
		}
	}
	maps.Copy(names, own)
	for i := range t.NumField() {
		field := t.Field(i)
		name, embedded := named(field)
		switch {
		case embedded != nil:
			w.fields(embedded, path, within, names)
		case own[name]:
			w.value(field.Type, below(path, name), within)
		}
	}
}

// named returns the name of a field in JSON, if it has one, or the struct whose fields take its place.
func named(field reflect.StructField) (string, reflect.Type) {
	whole := field.Tag.Get("json")
	name, _, _ := strings.Cut(whole, ",")
	if whole == "-" {
		return "", nil
	}
	if field.Anonymous && name == "" {
		inner := field.Type
		for inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			return "", inner
		}
	}
	if !field.IsExported() {
		return "", nil
	}
	if name == "" {
		name = field.Name
	}
	return name, nil
}

func decodes(t, unmarshaler reflect.Type) bool {
	return t.Kind() != reflect.Interface && (t.Implements(unmarshaler) || reflect.PointerTo(t).Implements(unmarshaler))
}

func below(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// Version returns the version of a module of which this program is built.
func Version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		panic("the program has no build information")
	}
	for _, dependency := range info.Deps {
		if dependency.Path == module {
			return dependency.Version
		}
	}
	panic("the program does not use " + module)
}
