package durabletest

import (
	"fmt"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/wire"
)

// maxHidden is the longest time for which a queue hides a message.
const maxHidden = 7 * 24 * time.Hour

// check says what is wrong with a script, and where.
func (s Scripts) check() error {
	for name, script := range s {
		if name == "" {
			return badScript("an orchestrator has no name")
		}
		if err := script.check(); err != nil {
			return fmt.Errorf("script %q: %w", name, err)
		}
	}
	return nil
}

func badScript(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{durable.ErrInvalidArgument}, args...)...)
}

func (s Script) check() error { return checkSteps(s) }

func (p Parallel) check() error {
	if len(p) == 0 {
		return badScript("Parallel without steps")
	}
	return checkSteps(p)
}

func checkSteps(steps []Step) error {
	for i, step := range steps {
		if step == nil {
			return badScript("step %d is nil", i+1)
		}
		if err := step.check(); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

func (a Activity) check() error {
	switch {
	case a.Name == "":
		return badScript("Activity without a name")
	case a.Takes < 0 || a.Takes > maxHidden || a.Takes%time.Second != 0:
		return badScript("Activity %s cannot take %v: it takes whole seconds, at most a week", a.Name, a.Takes)
	case a.Do != nil && (a.Result != nil || a.Failure != ""):
		return badScript("Activity %s has Do and a result or failure", a.Name)
	case a.Failure != "" && a.Result != nil:
		return badScript("Activity %s has a result and a failure", a.Name)
	}
	return encodable(a.Name, a.Input, a.Result)
}

// encodable says which of some values cannot be written as JSON.
func encodable(what string, values ...any) error {
	for _, v := range values {
		if _, err := encode("a value of "+what, v); err != nil {
			return err
		}
	}
	return nil
}

func (w WaitForEvent) check() error {
	switch {
	case w.Name == "":
		return badScript("WaitForEvent without a name")
	case w.Timeout < 0:
		return badScript("WaitForEvent %s with a negative time-out", w.Name)
	}
	return nil
}

func (t Timer) check() error {
	if t.Duration < 0 {
		return badScript("Timer of %v", t.Duration)
	}
	return nil
}

func (c CustomStatus) check() error {
	_, err := encodeStatus(c.Status)
	return err
}

func (c SubOrchestration) check() error {
	if c.Name == "" {
		return badScript("SubOrchestration without a name")
	}
	if c.InstanceID != "" {
		if err := wire.CheckInstanceID(c.InstanceID); err != nil {
			return badScript("SubOrchestration %s: %v", c.Name, err)
		}
	}
	return encodable(c.Name, c.Input)
}

func (e SendEvent) check() error {
	if e.InstanceID == "" || e.Name == "" {
		return badScript("SendEvent without an instance or a name")
	}
	return encodable(e.Name, e.Data)
}

func (d Decide) check() error {
	if d == nil {
		return badScript("Decide without a function")
	}
	return nil
}

func (c ContinueAsNew) check() error { return encodable("ContinueAsNew", c.Input) }

func (c Complete) check() error { return encodable("Complete", c.Output) }

func (f Fail) check() error { return nil }
