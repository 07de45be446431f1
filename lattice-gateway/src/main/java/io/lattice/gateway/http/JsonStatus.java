package io.lattice.gateway.http;

import com.google.gson.JsonObject;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Status;
import io.netty.handler.codec.http.HttpResponseStatus;
import java.io.EOFException;

/// How a gRPC status looks in HTTP and JSON. Source of the mapping: grpc-gateway's `HTTPStatusFromCode`, which is google.rpc's.
final class JsonStatus {
    private static final HttpResponseStatus CLIENT_CLOSED_REQUEST =
            new HttpResponseStatus(499, "Client Closed Request");

    private JsonStatus() {}

    static HttpResponseStatus http(Status.Code code) {
        return switch (code) {
            case OK -> HttpResponseStatus.OK;
            case CANCELLED -> CLIENT_CLOSED_REQUEST;
            case INVALID_ARGUMENT, FAILED_PRECONDITION, OUT_OF_RANGE ->
                    HttpResponseStatus.BAD_REQUEST;
            case DEADLINE_EXCEEDED -> HttpResponseStatus.GATEWAY_TIMEOUT;
            case NOT_FOUND -> HttpResponseStatus.NOT_FOUND;
            case ALREADY_EXISTS, ABORTED -> HttpResponseStatus.CONFLICT;
            case PERMISSION_DENIED -> HttpResponseStatus.FORBIDDEN;
            case UNAUTHENTICATED -> HttpResponseStatus.UNAUTHORIZED;
            case RESOURCE_EXHAUSTED -> HttpResponseStatus.TOO_MANY_REQUESTS;
            case UNIMPLEMENTED -> HttpResponseStatus.NOT_IMPLEMENTED;
            case UNAVAILABLE -> HttpResponseStatus.SERVICE_UNAVAILABLE;
            case UNKNOWN, INTERNAL, DATA_LOSS -> HttpResponseStatus.INTERNAL_SERVER_ERROR;
        };
    }

    /// For a request that isn't JSON or doesn't fit its message. In grpc-gateway's words where it breaks off, else in those of
    /// this parser.
    static Status unparsable(InvalidProtocolBufferException e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof EOFException) {
                return Status.INVALID_ARGUMENT.withDescription("unexpected EOF");
            }
        }
        return Status.INVALID_ARGUMENT.withDescription("proto: " + e.getMessage());
    }

    static JsonObject json(Status status) {
        JsonObject json = new JsonObject();
        json.addProperty("code", status.getCode().value());
        String description = status.getDescription();
        json.addProperty("message", description == null ? "" : description);
        return json;
    }

    /// The answer of a call that failed before it had answered anything.
    static HttpReply reply(Status status) {
        return HttpReply.json(http(status.getCode()), json(status).toString());
    }
}
