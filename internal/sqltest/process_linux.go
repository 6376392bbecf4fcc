package sqltest

import (
	"os"
	"os/exec"
	"syscall"
)

// nobody is the user and the group that servers run as where the tests run as
// root. Debian, Fedora and Alpine have them.
const nobody = 65534

// restrict takes root's rights from a program.
func restrict(cmd *exec.Cmd) {
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
}

// giveAway makes a directory belong to the user that servers run as.
func giveAway(dir string) error {
	if os.Getuid() != 0 {
		return nil
	}
	return os.Chown(dir, nobody, nobody)
}
