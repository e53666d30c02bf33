// Test-only preload for Azurite, beside shim.js, for tables with millions of rows. Azurite looks at all rows of a table and
// sorts them for each page that it answers. Here they are sorted once, a page is found in them by its continuation, and
// the rows are kept in order until the table is written to. Which rows match, how a page ends and what it looks like are
// left to Azurite: the answers are the same.
const { createRequire } = require('module');
const fs = require('fs');
const req = createRequire(fs.realpathSync(process.argv[1]));
const Store = req('./table/persistence/LokiTableMetadataStore').default;
const Filters = req('./table/persistence/LokiTableStoreQueryGenerator').default;

const before = (a, b) => a.PartitionKey < b.PartitionKey || (a.PartitionKey === b.PartitionKey && a.RowKey < b.RowKey);

// ordered holds the rows of each collection in the order of their keys, for as long as nobody writes to it.
const ordered = new WeakMap();
const watched = new WeakSet();
function inOrder(collection) {
  if (!watched.has(collection)) {
    watched.add(collection);
    collection.on(['insert', 'update', 'delete'], () => ordered.delete(collection));
  }
  let rows = ordered.get(collection);
  if (!rows) {
    rows = collection.data.slice().sort((a, b) => (before(a, b) ? -1 : before(b, a) ? 1 : 0));
    ordered.set(collection, rows);
  }
  return rows;
}

// position returns where the first row is that does not come before a key.
function position(rows, key) {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (before(rows[middle], key)) low = middle + 1;
    else high = middle;
  }
  return low;
}

const query = Store.prototype.queryTableEntities;
Store.prototype.queryTableEntities = async function (context, account, table, options, partitionKey, rowKey) {
  if (partitionKey === undefined && rowKey !== undefined) {
    return query.apply(this, arguments); // no continuation that Azurite gives out
  }
  const rows = inOrder(this.getEntityCollection(account, table, context));
  const matches = Filters.generateQueryForPersistenceLayer(options, context);
  const most = this.getMaxResultsOption(options);
  const from = partitionKey === undefined ? 0 : position(rows, {
    PartitionKey: this.decodeContinuationHeader(partitionKey),
    RowKey: this.decodeContinuationHeader(rowKey) ?? '',
  });
  const found = [];
  for (let i = from; i < rows.length && found.length <= most; i++) {
    if (matches(rows[i])) found.push(rows[i]);
  }
  const next = this.adjustQueryResultforTop(found, most);
  return [found, next.nextPartitionKeyResponse, next.nextRowKeyResponse];
};

// An index of row keys finds nothing that the one of partition keys does not, and a row that is inserted into it moves half
// of the others: each instance has the same row keys.
Store.prototype.createCollectionForTable = function (table) {
  const name = this.getTableCollectionName(table.account, table.table);
  if (this.db.getCollection(name)) this.db.removeCollection(name);
  this.db.addCollection(name, { indices: ['PartitionKey'] });
};
