package policy

import "github.com/prescale/prescale/planner"

// Inputs returns what each decision sees, one per decision interval from the beginning of the run. Treat it as
// read-only.
func (o *Outlook) Inputs() []planner.Inputs { return o.inputs }
