package storagetest

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
)

var batchTests = []test{
	{"BatchOfHundred", testBatchHundred},
	{"BatchModes", testBatchModes},
	{"BatchFailure", testBatchFailure},
	{"BatchMissingTable", testBatchMissingTable},
	{"BatchNastyKeys", testBatchNastyKeys},
	{"BatchRules", testBatchRules},
}

func testBatchHundred(t *testing.T, b *bundle) {
	table := b.table()
	b.fill(table, "p", 75)
	var ops []storage.Op
	for i := range storage.MaxBatch {
		op := storage.Op{Kind: storage.OpInsert, Entity: entity("p", rowKey(i), text("A", "new"))}
		switch {
		case i < 25:
			op.Kind, op.Match = storage.OpMerge, storage.Any
		case i < 50:
			op.Kind, op.Match = storage.OpReplace, b.get(table, "p", rowKey(i)).ETag
		case i < 75:
			op.Kind, op.Match = storage.OpDelete, storage.Any
		}
		ops = append(ops, op)
	}
	require.NoError(t, b.Tables.Batch(t.Context(), table, ops))
	found, _ := b.all(table, storage.Query{})
	require.Len(t, found, 75)
	for _, e := range found {
		require.Equal(t, "new", e.Text("A"))
		require.Equal(t, e.RowKey < rowKey(25), e.Has("N"), "only a merge keeps columns: %s", e.RowKey)
		require.True(t, e.RowKey < rowKey(50) || e.RowKey >= rowKey(75))
	}
}

func testBatchModes(t *testing.T, b *bundle) {
	table := b.table()
	b.insert(table, entity("p", "1", text("A", "a")))
	b.insert(table, entity("p", "2", text("A", "a")))
	require.NoError(t, b.Tables.Batch(t.Context(), table, []storage.Op{
		{Kind: storage.OpMerge, Entity: entity("p", "1", text("B", "b"))},
		{Kind: storage.OpReplace, Entity: entity("p", "2", text("B", "b"))},
		{Kind: storage.OpMerge, Entity: entity("p", "3", text("B", "b"))},
		{Kind: storage.OpReplace, Entity: entity("p", "4", text("B", "b"))},
	}), `with match "" an update adds what is not there`)
	found, _ := b.all(table, storage.Query{})
	require.Equal(t, []string{"p|1", "p|2", "p|3", "p|4"}, keys(found))
	for _, e := range found {
		require.Equal(t, "b", e.Text("B"))
		require.Equal(t, e.RowKey == "1", e.Has("A"))
	}
}

func testBatchFailure(t *testing.T, b *bundle) {
	table := b.table()
	stale := b.insert(table, entity("p", "there", text("A", "old")))
	_, err := b.Tables.Update(t.Context(), table, entity("p", "there", text("A", "kept")), storage.Merge, storage.Any)
	require.NoError(t, err)
	b.insert(table, entity("p", "merged", text("A", "kept")))
	b.insert(table, entity("p", "replaced", text("A", "kept")))
	b.insert(table, entity("p", "deleted", text("A", "kept")))
	before, _ := b.all(table, storage.Query{})

	there, gone := entity("p", "there", text("A", "x")), entity("p", "gone", text("A", "x"))
	tests := []struct {
		name string
		op   storage.Op
		want error
	}{
		{"InsertExists", storage.Op{Kind: storage.OpInsert, Entity: there}, storage.ErrExists},
		{"MergeStale", storage.Op{Kind: storage.OpMerge, Entity: there, Match: stale}, storage.ErrPrecondition},
		{"ReplaceStale", storage.Op{Kind: storage.OpReplace, Entity: there, Match: stale}, storage.ErrPrecondition},
		{"DeleteStale", storage.Op{Kind: storage.OpDelete, Entity: there, Match: stale}, storage.ErrPrecondition},
		{"MergeMissing", storage.Op{Kind: storage.OpMerge, Entity: gone, Match: storage.Any}, storage.ErrNotFound},
		{"ReplaceMissing", storage.Op{Kind: storage.OpReplace, Entity: gone, Match: storage.Any}, storage.ErrNotFound},
		{"DeleteMissing", storage.Op{Kind: storage.OpDelete, Entity: gone, Match: storage.Any}, storage.ErrNotFound},
	}
	for _, tt := range tests {
		for _, at := range []int{0, 2, 4} {
			t.Run(tt.name+strconv.Itoa(at), func(t *testing.T) {
				b := b.on(t)
				ops := []storage.Op{
					{Kind: storage.OpInsert, Entity: entity("p", "inserted")},
					{Kind: storage.OpMerge, Entity: entity("p", "merged", text("A", "x")), Match: storage.Any},
					{Kind: storage.OpReplace, Entity: entity("p", "replaced", text("B", "x")), Match: storage.Any},
					{Kind: storage.OpDelete, Entity: entity("p", "deleted"), Match: storage.Any},
				}
				ops = append(ops[:at:at], append([]storage.Op{tt.op}, ops[at:]...)...)
				err := b.Tables.Batch(t.Context(), table, ops)
				is(t, err, tt.want)
				var failed *storage.BatchError
				require.ErrorAs(t, err, &failed)
				require.Equal(t, at, failed.Index)
				is(t, failed.Err, tt.want)
				after, _ := b.all(table, storage.Query{})
				require.Equal(t, before, after, "all or nothing")
			})
		}
	}
}

func testBatchMissingTable(t *testing.T, b *bundle) {
	err := b.Tables.Batch(t.Context(), "T"+unique(), []storage.Op{
		{Kind: storage.OpDelete, Entity: entity("p", "1"), Match: storage.Any},
		{Entity: entity("p", "2")},
	})
	is(t, err, storage.ErrContainerNotFound)
}

func testBatchNastyKeys(t *testing.T, b *bundle) {
	table := b.table()
	for i, key := range nastyKeys {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			batchLife(t, b.on(t), table, key)
		})
	}
	t.Run("OnePartition", func(t *testing.T) {
		t.Parallel()
		b := b.on(t)
		var ops []storage.Op
		for _, key := range nastyKeys {
			ops = append(ops, storage.Op{Entity: entity("it's one", key)})
		}
		require.NoError(t, b.Tables.Batch(t.Context(), table, ops))
		for i := range ops {
			ops[i].Kind, ops[i].Match = storage.OpDelete, b.get(table, "it's one", ops[i].Entity.RowKey).ETag
		}
		require.NoError(t, b.Tables.Batch(t.Context(), table, ops))
		found, _ := b.all(table, storage.Query{Filter: pk("it's one")})
		require.Empty(t, found)
	})
}

// batchLife takes a key through every kind of operation.
func batchLife(t *testing.T, b *bundle, table, key string) {
	step := func(kind storage.OpKind, match storage.ETag, columns ...storage.Column) {
		require.NoError(t, b.Tables.Batch(t.Context(), table, []storage.Op{
			{Kind: kind, Entity: entity(key, key, columns...), Match: match},
			{Kind: kind, Entity: entity(key, "", columns...), Match: storage.Any},
		}))
	}
	step(storage.OpInsert, "", text("A", key))
	got := b.get(table, key, key)
	require.Equal(t, [3]string{key, key, key}, [3]string{got.PartitionKey, got.RowKey, got.Text("A")})
	step(storage.OpMerge, got.ETag, text("B", key))
	got = b.get(table, key, key)
	sameColumns(t, []storage.Column{text("A", key), text("B", key)}, got.Columns)
	step(storage.OpReplace, got.ETag, text("C", key))
	got = b.get(table, key, key)
	sameColumns(t, []storage.Column{text("C", key)}, got.Columns)

	err := b.Tables.Batch(t.Context(), table, []storage.Op{{Entity: entity(key, "other")}, {Entity: entity(key, key)}})
	is(t, err, storage.ErrExists)
	step(storage.OpDelete, got.ETag)
	found, _ := b.all(table, storage.Query{Filter: pk(key)})
	require.Empty(t, found)
}

func testBatchRules(t *testing.T, b *bundle) {
	table := b.table()
	var tooMany []storage.Op
	for i := range storage.MaxBatch + 1 {
		tooMany = append(tooMany, storage.Op{Entity: entity("p", rowKey(i))})
	}
	tests := []struct {
		name string
		ops  []storage.Op
	}{
		{"None", nil},
		{"TooMany", tooMany},
		{"SameEntity", []storage.Op{{Entity: entity("p", "1")}, {Kind: storage.OpMerge, Entity: entity("p", "1")}}},
		{"TwoPartitions", []storage.Op{{Entity: entity("p", "1")}, {Entity: entity("q", "2")}}},
		{"ForbiddenKey", []storage.Op{{Entity: entity("p", "1")}, {Entity: entity("p", "a/b")}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "TwoPartitions" {
				b.differs(t, LooseBatches)
			}
			is(t, b.Tables.Batch(t.Context(), table, tt.ops), storage.ErrInvalid)
			found, _ := b.on(t).all(table, storage.Query{})
			require.Empty(t, found)
		})
	}
}
