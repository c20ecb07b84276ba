// Command hydra is Ory Hydra, built from its published Go module so that the tests can run the real server.
package main

import "github.com/ory/hydra/v2/cmd"

func main() { cmd.Execute() }
