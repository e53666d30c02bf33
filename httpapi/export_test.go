package httpapi

// What the fuzz targets look at.
type (
	Route  = route
	Params = params
)

var (
	ParseRoute  = parseRoute
	ParseParams = parseParams
)

// Parts returns what a path was read as.
func (r Route) Parts() (op, name, id string) { return string(r.op), r.name, r.id }

// ReadAll reads every parameter that the API knows, and returns the first error.
func (p Params) ReadAll() error {
	for _, name := range []string{
		"showInput", "showHistory", "showHistoryOutput", "returnInternalServerErrorOnFailure", "force", "fetchState",
		"restartWithNewInstanceId",
	} {
		if _, err := p.bool(name, true); err != nil {
			return err
		}
	}
	for _, name := range []string{"createdTimeFrom", "createdTimeTo", "lastOperationTimeFrom", "lastOperationTimeTo"} {
		t, err := p.time(name)
		if err == nil && (t.Year() > 9999 || !t.IsZero() && t.Before(dawn)) {
			panic(t)
		}
		if err != nil {
			return err
		}
	}
	for _, name := range []string{"timeout", "pollingInterval"} {
		d, given, err := p.seconds(name)
		if given && d < 0 {
			panic(d)
		}
		if err != nil {
			return err
		}
	}
	if _, err := p.top(); err != nil {
		return err
	}
	_, err := p.statuses()
	return err
}

// Answer returns the status for an error of the client, and the message.
func Answer(err error) (status int, message string) {
	e := asAPIError(err)
	return e.status, e.message
}
