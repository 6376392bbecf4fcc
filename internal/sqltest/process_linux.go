package sqltest

import (
	"os"
	"os/exec"
	"syscall"
)

// nobody is the user and the group that servers run as where the tests run as
// root. Debian, Fedora and Alpine have them.
const nobody = 65534

// restrict makes the kernel kill the program when the test process dies in any
// way, and takes root's rights from it.
func restrict(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
}

// giveAway makes a directory belong to the user that servers run as.
func giveAway(dir string) error {
	if os.Getuid() != 0 {
		return nil
	}
	return os.Chown(dir, nobody, nobody)
}
