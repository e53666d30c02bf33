package azurite

import (
	"io"
	"runtime"
	"syscall"
)

// processAttributes has the kernel end the emulator with its parent: it does not notice by itself. In a process group
// of its own it survives the Ctrl-C that ends the tests, until they have cleaned up.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// run starts the process on a thread that stays until the process ends: the kernel counts the end of the thread that
// started it as the end of the parent.
func (s *Server) run(out io.Closer) error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := s.cmd.Start()
		started <- err
		if err == nil {
			_ = s.cmd.Wait()
			_ = out.Close()
		}
		close(s.done)
	}()
	return <-started
}
