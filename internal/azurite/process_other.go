//go:build !linux

package azurite

import (
	"io"
	"syscall"
)

func processAttributes() *syscall.SysProcAttr { return nil }

func (s *Server) run(out io.Closer) error {
	if err := s.cmd.Start(); err != nil {
		close(s.done)
		return err
	}
	go func() {
		_ = s.cmd.Wait()
		_ = out.Close()
		close(s.done)
	}()
	return nil
}
