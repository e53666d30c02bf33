package durable

import (
	"strings"

	"github.com/go-durable/durable/internal/hook"
)

func init() {
	hook.Open = func(client any) hook.Inside {
		c := client.(*OrchestrationClient)
		return hook.Inside{
			Hub: c.hub,
			Fail: func(op, instanceID, status string, err error) error {
				return c.failIn(op, instanceID, RuntimeStatus(status), err)
			},
			CheckID: checkKnownID, CheckControlled: checkControlled, CheckReason: checkReason,
			CheckWakeReason: checkWakeReason, Encode: encodeInput,
			ReadsAsURI: func(text string) bool { return absoluteURI.MatchString(strings.TrimSpace(text)) },
		}
	}
}
