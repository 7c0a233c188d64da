package live

import (
	"strings"
	"testing"
)

// inHandlers tells whether a test's connections are to live in their handlers, as over TLS, instead of being taken over.
func inHandlers(t testing.TB) bool { return strings.HasPrefix(t.Name(), "TestInHandlers/") }

// TestInHandlers runs the promises again for connections that are not taken over.
func TestInHandlers(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"begins at the end": TestStreamBeginsAtTheEnd, "resume": TestResume, "handover": TestHandoverHasNoGap,
		"long replay": TestLongReplayIsReadInPages, "resync": TestResync, "trouble": TestStoreTroubleEndsTheStreamWithAHint,
		"client leaving": TestClientLeaving, "heartbeats": TestHeartbeats, "lost wake-ups": TestLostWakeUps,
		"old streams": TestOldStreamsReconnect, "limits": TestLimits, "close": TestCloseSpreadsTheReturn,
		"slow reader": TestSlowReaderIsDroppedAndHurtsNobody, "publisher": TestPublisherIsNotHeldUp, "cuts": TestCutsLoseNothing,
		"websocket items": TestWebSocketHasTheStreamsItems, "websocket resume": TestWebSocketResumes,
		"websocket faults": TestWebSocketFaultsOfClients, "websocket slow": TestWebSocketSlowReaderIsDropped,
		"websocket goodbye": TestWebSocketSaysGoodbye,
		"poll":              TestPoll, "poll refusals": TestPollRefusals, "polls end": TestPollsEndAtClose, "polls of one connection": TestPollsOfOneConnection,
		"poll trouble": TestPollMeetsTrouble, "poll of HTTP/1.0": TestPollOfOldClients,
		"reads": TestReadElsewhere, "reads in pages": TestReadsComeInPages, "lost wake-ups of reads": TestLostWakeUpsOfReads,
		"websocket reads": TestWebSocketReadElsewhere,
	} {
		t.Run(name, test)
	}
}
