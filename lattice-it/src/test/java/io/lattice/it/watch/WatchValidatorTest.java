package io.lattice.it.watch;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import io.lattice.proto.etcdserverpb.WatchResponse;
import io.lattice.proto.mvccpb.Event;
import io.lattice.proto.mvccpb.KeyValue;
import java.util.List;
import org.junit.jupiter.api.Test;

class WatchValidatorTest {
    private static final Event A2 = event("a", 2, 1);
    private static final Event A3 = event("a", 3, 2);
    private static final Event B3 = event("b", 3, 1);
    private static final Event A4 = event("a", 4, 3);
    private static final WatchValidator VALIDATOR = new WatchValidator(List.of(A2, A3, B3, A4));

    private static Event event(String key, long revision, long version) {
        return Event.newBuilder()
                .setKv(
                        KeyValue.newBuilder()
                                .setKey(ByteString.copyFromUtf8(key))
                                .setModRevision(revision)
                                .setVersion(version))
                .build();
    }

    private static WatchResponse response(long revision, Event... events) {
        return WatchResponse.newBuilder()
                .setHeader(ResponseHeader.newBuilder().setRevision(revision))
                .addAllEvents(List.of(events))
                .build();
    }

    private static List<String> check(boolean withPrevious, WatchResponse... responses) {
        return VALIDATOR.check(
                new WatchValidator.Received("w", key -> true, 2, List.of(responses), withPrevious),
                4);
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
    }

    @Test
    void aRevisionMayComeInFragments() {
        WatchResponse part = response(3, A2, A3).toBuilder().setFragment(true).build();

        assertThat(check(false, part, response(3, B3), response(4, A4))).isEmpty();
        assertThat(check(false, part, response(4, A4)))
                .containsExactly("w: reliable: missing PUT b at 3");
    }

    @Test
    void aResumedStreamGoesOnWithoutAGapOrARepetition() {
        WatchResponse created = response(4).toBuilder().setCreated(true).build();

        assertThat(check(false, response(2, A2), created, response(4, A3, B3, A4))).isEmpty();
        assertThat(check(false, response(2, A2), created, response(4, A4)))
                .containsExactly(
                        "w: reliable: missing PUT a at 3", "w: reliable: missing PUT b at 3");
        assertThat(check(false, response(3, A2, A3, B3), created, response(4, A3, B3, A4)))
                .anyMatch(t -> t.contains("unique: twice PUT a at 3"));
    }
}
