package io.lattice.it.watch;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import io.lattice.proto.etcdserverpb.WatchCreateRequest.FilterType;
import io.lattice.proto.etcdserverpb.WatchResponse;
import io.lattice.proto.mvccpb.Event;
import io.lattice.proto.mvccpb.KeyValue;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class WatchValidatorTest {
    private static final Event A2 = event("a", 2, 1);
    private static final Event A3 = event("a", 3, 2);
    private static final Event B3 = event("b", 3, 1);
    private static final Event A4 = event("a", 4, 3);
    private static final WatchValidator VALIDATOR = new WatchValidator(List.of(A2, A3, B3, A4));

    /// A history with a deletion.
    private static final Event GONE = deletion("a", 5);

    private static final WatchValidator WITH_DELETION =
            new WatchValidator(List.of(A2, A3, B3, A4, GONE));

    private static final ByteString LOWEST_KEY = ByteString.copyFrom(new byte[] {0});
    private static final WatchResponse CREATED = created(1);

    private static Event event(String key, long revision, long version) {
        return Event.newBuilder()
                .setKv(
                        KeyValue.newBuilder()
                                .setKey(ByteString.copyFromUtf8(key))
                                .setModRevision(revision)
                                .setVersion(version))
                .build();
    }

    private static Event deletion(String key, long revision) {
        return event(key, revision, 0).toBuilder().setType(Event.EventType.DELETE).build();
    }

    private static WatchResponse response(long revision, Event... events) {
        return WatchResponse.newBuilder()
                .setHeader(ResponseHeader.newBuilder().setRevision(revision))
                .addAllEvents(List.of(events))
                .build();
    }

    private static WatchResponse created(long revision) {
        return response(revision).toBuilder().setCreated(true).build();
    }

    private static WatchResponse cancelled(long compactRevision) {
        return response(0).toBuilder()
                .setCanceled(true)
                .setCompactRevision(compactRevision)
                .build();
    }

    private static WatchResponse part(WatchResponse response) {
        return response.toBuilder().setFragment(true).build();
    }

    /// A notification for the whole stream.
    private static WatchResponse progress(long revision) {
        return response(revision).toBuilder().setWatchId(-1).build();
    }

    private static WatchCreateRequest.Builder all(long start) {
        return WatchCreateRequest.newBuilder()
                .setRangeEnd(LOWEST_KEY)
                .setStartRevision(start)
                .setProgressNotify(true);
    }

    /// Of a watcher that was created before the first of the responses.
    private static List<String> check(
            WatchValidator validator,
            WatchCreateRequest.Builder asked,
            long to,
            WatchResponse... responses) {
        List<WatchResponse> received = new ArrayList<>(List.of(responses));
        received.addFirst(CREATED);
        return validator.check(new WatchValidator.Received("w", asked.build(), received), to);
    }

    private static List<String> check(
            WatchCreateRequest.Builder asked, WatchResponse... responses) {
        return check(VALIDATOR, asked, 4, responses);
    }

    private static List<String> check(boolean withPrevious, WatchResponse... responses) {
        return check(all(2).setPrevKv(withPrevious), responses);
    }

    @Test
    void whatKeepsAllPromisesPasses() {
        assertThat(check(false, response(2, A2), response(2), response(4, A3, B3, A4))).isEmpty();
        assertThat(check(false, response(2, A2), response(3, A3, B3), response(4, A4))).isEmpty();
    }

    @Test
    void eachBrokenPromiseIsNamed() {
        assertThat(check(false, response(4, A2, A3, B3))).anyMatch(t -> t.contains("reliable"));
        assertThat(check(false, response(4, A2, A2, A3, B3, A4)))
                .anyMatch(t -> t.contains("unique"));
        assertThat(check(false, response(4, A3, B3, A2, A4))).anyMatch(t -> t.contains("ordered"));
        assertThat(check(false, response(3, A2, A3), response(4, B3, A4)))
                .anyMatch(t -> t.contains("atomic"));
        assertThat(check(false, response(3, A2), response(3), response(4, A3, B3, A4)))
                .anyMatch(t -> t.contains("bookmark"));
        assertThat(check(false, response(3, A2, A3, B3, A4))).anyMatch(t -> t.contains("header"));
        assertThat(check(false, response(5, A2, A3, B3, A4, event("a", 5, 4))))
                .anyMatch(t -> t.contains("never happened"));
        assertThat(check(true, response(4, A2, A3, B3, A4))).anyMatch(t -> t.contains("previous"));
    }

    private static Event with(Event event, Event previous) {
        return event.toBuilder().setPrevKv(previous.getKv()).build();
    }

    @Test
    void previousRecordsAreThoseOfTheSameKeyRightBefore() {
        Event a3 = with(A3, A2);
        Event a4 = with(A4, A3);

        assertThat(check(true, response(4, A2, a3, B3, a4))).isEmpty();
        assertThat(check(true, response(4, A2, a3, B3, with(A4, A2))))
                .containsExactly("w: previous: wrong for PUT a at 4");
        assertThat(check(true, response(4, A2, a3, with(B3, A2), a4)))
                .containsExactly("w: previous: wrong for PUT b at 3");
        assertThat(check(false, response(4, A2, A3, B3, a4)))
                .containsExactly("w: previous: not asked for with PUT a at 4");
    }

    @Test
    void onlyARecordThatMayBeCompactedMayBeMissing() {
        WatchValidator compacted = new WatchValidator(List.of(A2, A3, B3, A4), 3);
        WatchCreateRequest.Builder asked = all(2).setPrevKv(true);

        assertThat(check(compacted, asked, 4, response(4, A2, A3, B3, with(A4, A3)))).isEmpty();
        assertThat(check(compacted, asked, 4, response(4, A2, A3, B3, A4)))
                .containsExactly("w: previous: wrong for PUT a at 4");
        assertThat(check(compacted, asked, 4, response(4, A2, with(A3, B3), B3, with(A4, A3))))
                .containsExactly("w: previous: wrong for PUT a at 3");
    }

    @Test
    void aRevisionMayComeInFragmentsIfTheyWereAskedFor() {
        WatchResponse part = part(response(3, A2, A3));
        WatchCreateRequest.Builder asked = all(2).setFragment(true);

        assertThat(check(asked, part, response(3, B3), response(4, A4))).isEmpty();
        assertThat(check(asked, part, response(4, A4)))
                .containsExactly("w: reliable: missing PUT b at 3");
        assertThat(check(asked, part, progress(1), response(4, B3, A4)))
                .contains("w: fragment: the rest is missing");
        assertThat(check(false, part, response(3, B3), response(4, A4)))
                .containsExactly("w: fragment: not asked for");
    }

    @Test
    void aResumedStreamGoesOnWithoutAGapOrARepetition() {
        WatchResponse again = created(4);

        assertThat(check(false, response(2, A2), again, response(4, A3, B3, A4))).isEmpty();
        assertThat(check(false, response(2, A2), again, response(4, A4)))
                .containsExactly(
                        "w: reliable: missing PUT a at 3", "w: reliable: missing PUT b at 3");
        assertThat(check(false, response(3, A2, A3, B3), again, response(4, A3, B3, A4)))
                .anyMatch(t -> t.contains("unique: twice PUT a at 3"));
    }

    @Test
    void onlyTheEventsOfTheRangeAreToldAndAllOfThem() {
        WatchCreateRequest.Builder b = all(2).setKey(ByteString.copyFromUtf8("b"));
        WatchCreateRequest.Builder toB =
                all(2).setKey(ByteString.copyFromUtf8("a"))
                        .setRangeEnd(ByteString.copyFromUtf8("b"));
        WatchCreateRequest.Builder onlyB = b.clone().clearRangeEnd();

        assertThat(check(b, response(3, B3))).isEmpty();
        assertThat(check(onlyB, response(3, B3))).isEmpty();
        assertThat(check(toB, response(4, A2, A3, A4))).isEmpty();
        assertThat(check(onlyB, response(4, B3, A4)))
                .containsExactly("w: range: not in it is PUT a at 4");
        assertThat(check(toB, response(4, A2, A3, B3, A4)))
                .containsExactly("w: range: not in it is PUT b at 3");
        assertThat(check(toB, response(4, A2, A4)))
                .containsExactly("w: reliable: missing PUT a at 3");
    }

    @Test
    void onlyWhatTheFilterLetsThroughIsToldAndAllOfIt() {
        WatchCreateRequest.Builder deletions = all(2).addFilters(FilterType.NOPUT);
        WatchCreateRequest.Builder puts = all(2).addFilters(FilterType.NODELETE);

        assertThat(check(WITH_DELETION, deletions, 5, response(5, GONE))).isEmpty();
        assertThat(check(WITH_DELETION, puts, 5, response(4, A2, A3, B3, A4))).isEmpty();
        assertThat(check(WITH_DELETION, deletions, 5, response(5, A4, GONE)))
                .containsExactly("w: filter: let through PUT a at 4");
        assertThat(check(WITH_DELETION, puts, 5, response(5, A2, A3, B3, A4, GONE)))
                .containsExactly("w: filter: let through DELETE a at 5");
        assertThat(check(WITH_DELETION, deletions, 5, progress(5)))
                .containsExactly("w: reliable: missing DELETE a at 5");
    }

    @Test
    void aWatchBeginsAtItsStartOrBehindItsCreation() {
        WatchCreateRequest.Builder now = all(0);

        assertThat(check(all(4), response(4, A4))).isEmpty();
        assertThat(check(all(4), response(4, A3, A4)))
                .containsExactly("w: start: at 4 came PUT a at 3");
        // It was created at 1.
        assertThat(check(now, response(4, A2, A3, B3, A4))).isEmpty();
        assertThat(check(now, response(4, A3, B3, A4)))
                .containsExactly("w: reliable: missing PUT a at 2");
        assertThat(
                        VALIDATOR.check(
                                new WatchValidator.Received(
                                        "w", now.build(), List.of(created(3), response(4, A4))),
                                4))
                .isEmpty();
        assertThat(VALIDATOR.check(new WatchValidator.Received("w", now.build(), List.of()), 4))
                .containsExactly("w: created: never");
    }

    @Test
    void nothingComesBeforeTheCreationOrAfterTheEnd() {
        WatchResponse own = response(2);

        assertThat(check(false, response(2, A2), cancelled(0))).isEmpty();
        assertThat(check(false, response(2, A2), cancelled(0), progress(4))).isEmpty();
        assertThat(check(false, response(2, A2), cancelled(0), response(4, A3, B3, A4)))
                .containsExactly("w: open: an event outside of its life");
        assertThat(check(false, response(2, A2), cancelled(0), own))
                .containsExactly("w: open: progress outside of its life");
        assertThat(check(false, response(3, A3, B3), cancelled(0)))
                .containsExactly("w: reliable: missing PUT a at 2");
    }

    @Test
    void progressIsNotToldToWhoDidNotAskNorBehindWhatWasTold() {
        WatchCreateRequest.Builder quiet = all(2).clearProgressNotify();

        assertThat(check(quiet, response(4, A2, A3, B3, A4), progress(4))).isEmpty();
        assertThat(check(quiet, response(4, A2, A3, B3, A4), response(4)))
                .containsExactly("w: progress: not asked for");
        assertThat(check(quiet, response(4, A2, A3, B3, A4), progress(3)))
                .containsExactly("w: progress: 3, told up to 4");
    }

    @Test
    void compactionEndsOnlyWhoIsBehindItAndOnlyWhatItTookIsMissing() {
        WatchResponse again = created(4);

        assertThat(check(false, response(2, A2), cancelled(4), again, response(4, A4))).isEmpty();
        assertThat(check(false, response(3, A2, A3, B3), cancelled(4), again, response(4, A4)))
                .containsExactly("w: compacted: ended at 4, told up to 3");
        assertThat(check(false, response(2, A2), progress(3), cancelled(4), again, response(4, A4)))
                .contains("w: compacted: ended at 4, told up to 3");
        assertThat(check(false, response(2, A2), cancelled(4), again))
                .containsExactly("w: reliable: missing PUT a at 4");
        assertThat(check(false, response(3, A3, B3), cancelled(4), again, response(4, A4)))
                .contains("w: reliable: missing PUT a at 2");
    }
}
