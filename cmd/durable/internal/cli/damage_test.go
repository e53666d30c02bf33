package cli_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// damage breaks something in a loaded hub:
//
//	damage behind|rowless|unreadable|anew HUB ID
//	damage poison HUB TEXT
//	damage copy HUB BLOB (in quarantine)
//	damage lose HUB - (all messages)
//	damage age HUB DURATION
func damage(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(worldOf(ts).damage(args[0], args[1], args[2]))
}

// cutShort OLD NEW copies the first half of a file's first line.
func cutShort(ts *testscript.TestScript, _ bool, args []string) {
	line, _, _ := strings.Cut(ts.ReadFile(args[0]), "\n")
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(line[:len(line)/2]), 0o600))
}

func (w *world) damage(how, hub, what string) error {
	ctx := context.Background()
	names, err := taskhub.NewNames(hub)
	if err != nil {
		return err
	}
	merge := func(column, value string) error {
		e := &storage.Entity{PartitionKey: wire.EscapeKey(what)}
		e.Set(column, storage.StringValue(value))
		_, err := w.account.Tables.Update(ctx, names.Instances(), e, storage.Merge, storage.Any)
		return err
	}
	switch how {
	case "behind": // the history has ended, the row has not
		return merge(wire.ColRuntimeStatus, wire.StatusRunning)
	case "unreadable": // for .NET, which takes it for a URL
		return merge(wire.ColOutput, "ticket:1#2")
	case "anew": // the same once more, by another execution
		return w.anew(ctx, names, wire.EscapeKey(what))
	case "rowless":
		return w.account.Tables.Delete(ctx, names.Instances(), wire.EscapeKey(what), "", storage.Any)
	case "age": // clients find that everything was written so long ago
		age, err := time.ParseDuration(what)
		account := w.account
		w.connect = func(hub string) (*durable.OrchestrationClient, error) {
			return newClientAt(account, hub, scriptTime.Add(age))
		}
		return err
	case "lose":
		for p := range 4 {
			if err := drain(ctx, w.account, names.ControlQueue(p)); err != nil {
				return err
			}
		}
		return nil
	case "copy":
		return w.account.Blobs.Write(ctx, names.Quarantine(), what, storage.Blob{Content: []byte("{")})
	case "poison":
		return w.account.Queues.Put(ctx, names.ControlQueue(0), what, 0)
	}
	return fmt.Errorf("damage %s is unknown", how)
}

// anew gives all rows of an instance another execution ID.
func (w *world) anew(ctx context.Context, names taskhub.Names, key string) error {
	for _, table := range []string{names.Instances(), names.History()} {
		page, err := w.account.Tables.Query(ctx, table, storage.Query{
			Filter: storage.Cmp{Column: "PartitionKey", Op: storage.EQ, Value: storage.StringValue(key)},
		})
		if err != nil {
			return err
		}
		for i := range page.Entities {
			e := &storage.Entity{PartitionKey: key, RowKey: page.Entities[i].RowKey}
			e.Set(wire.ColExecutionID, storage.StringValue("another"))
			if _, err := w.account.Tables.Update(ctx, table, e, storage.Merge, storage.Any); err != nil {
				return err
			}
		}
	}
	return nil
}
