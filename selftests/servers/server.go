// SPDX-License-Identifier: GPL-2.0

// The server of real_go.sh, which is static and makes its system calls itself:
// GET is the file, POST answers with the body's sum.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
)

func answer(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.ServeFile(w, r, os.Getenv("CONTENT"))
		return
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintf(w, "%x", sum.Sum(nil))
}

func main() {
	http.HandleFunc("/", answer)
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}
