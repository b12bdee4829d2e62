// Decodes bodies of a container's creation as Docker Engine does, and prints what it understood.
//
// Each line of the input is a body as a JSON text. Each line of the output is the body that Go writes of it,
// or "error: " and why Go cannot read it.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/moby/moby/api/types/container"
)

func main() {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		var body string
		if err == nil {
			err = json.Unmarshal(line, &body)
		}
		if err != nil {
			panic(err)
		}
		fmt.Fprintln(out, decoded(body))
	}
}

// What moby's daemon/internal/runconfig and httputils.ReadJSON do: one value, and nothing after it.
func decoded(body string) string {
	var request container.CreateRequest
	decoder := json.NewDecoder(strings.NewReader(body))
	if err := decoder.Decode(&request); err != nil {
		return fmt.Sprintf("error: %q", err.Error())
	}
	if decoder.More() {
		return "error: more than one value"
	}
	written, err := json.Marshal(request)
	if err != nil {
		panic(err)
	}
	return string(written)
}
