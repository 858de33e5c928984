package daemon

import (
	"testing"

	"intray/daemon/pipeline"
	"intray/ledger"
)

// TestReportQuality has a report say of fields, sellers and samples what people did.
func TestReportQuality(t *testing.T) {
	q := reportQuality(map[ledger.Tally]int{
		{Group: pipeline.GroupField, Name: "invoice/total", What: pipeline.FieldReviewed}:  10,
		{Group: pipeline.GroupField, Name: "invoice/total", What: pipeline.DidCorrect}:     2,
		{Group: pipeline.GroupField, Name: "invoice/unseen", What: pipeline.FieldExpected}: 5,
		{Group: pipeline.GroupSeller, Name: "Acme", What: pipeline.DidApprove}:             6,
		{Group: pipeline.GroupSeller, Name: "Acme", What: pipeline.SampleRight}:            1,
		{Group: pipeline.GroupSeller, Name: "Acme", What: pipeline.DidCorrect}:             2,
		{Group: pipeline.GroupSeller, Name: "Acme", What: pipeline.DidReject}:              1,
		{Group: pipeline.GroupSeller, Name: "Unseen", What: pipeline.DidRead}:              9,
		{Group: pipeline.GroupClass, Name: "invoice", What: pipeline.SampleRight}:          3,
		{Group: pipeline.GroupClass, Name: "receipt", What: pipeline.SampleWrong}:          1,
		{Group: pipeline.GroupConfidence, Name: "0.7", What: pipeline.FieldFound}:          8,
	})
	if len(q.Fields) != 1 || q.Fields[0].Name != "invoice · total" || q.Fields[0].Seen != 10 || q.Fields[0].Wrong != 2 {
		t.Errorf("fields %+v", q.Fields)
	}
	if len(q.Sellers) != 1 || q.Sellers[0].Name != "Acme" || q.Sellers[0].Seen != 10 || q.Sellers[0].Wrong != 3 {
		t.Errorf("sellers %+v", q.Sellers)
	}
	if q.Samples.Seen != 4 || q.Samples.Wrong != 1 || len(q.Scale) != 10 || q.Scale[7].Found != 8 {
		t.Errorf("samples %+v, confidence %+v", q.Samples, q.Scale)
	}
}
