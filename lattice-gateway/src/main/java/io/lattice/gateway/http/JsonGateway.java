package io.lattice.gateway.http;

import com.google.api.AnnotationsProto;
import com.google.api.HttpRule;
import com.google.protobuf.Descriptors;
import com.google.protobuf.Descriptors.ServiceDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.MethodDescriptor;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServerStreamTracer;
import io.grpc.Status;
import io.grpc.protobuf.ProtoServiceDescriptorSupplier;
import io.netty.handler.codec.http.HttpMethod;
import java.io.EOFException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// etcd's JSON gateway: the paths that the google.api.http annotations of the wire definitions give to methods, with etcd's
/// conventions (names as in the definitions, unknown fields ignored, an empty body is an empty message). Calls go to the
/// services directly. Immutable.
final class JsonGateway {
    private static final String PREFIX = "/v3/";

    /// Where the paths were in an early etcd.
    private static final String OLD_PREFIX = "/v3beta/";

    private static final HttpReply UNKNOWN =
            JsonStatus.reply(Status.NOT_FOUND.withDescription("Not Found"));
    private static final HttpReply NOT_POST =
            JsonStatus.reply(Status.UNIMPLEMENTED.withDescription("Method Not Allowed"));

    private final Map<String, JsonMethod> methods;

    private final ServerStreamTracer.Factory tracers;

    /// @param served the services of this node, with all that stands before them
    /// @param tracers is told of every call
    JsonGateway(List<ServerServiceDefinition> served, ServerStreamTracer.Factory tracers) {
        this.tracers = tracers;
        Map<String, ServerMethodDefinition<?, ?>> byName = new HashMap<>();
        for (ServerServiceDefinition service : served) {
            for (ServerMethodDefinition<?, ?> method : service.getMethods()) {
                byName.put(method.getMethodDescriptor().getFullMethodName(), method);
            }
        }
        Map<String, JsonMethod> found = new HashMap<>();
        for (io.grpc.ServiceDescriptor service : EtcdServices.API) {
            for (MethodDescriptor<?, ?> method : service.getMethods()) {
                JsonMethod json = JsonMethod.of(method, byName.get(method.getFullMethodName()));
                paths(service, method).forEach(path -> found.put(path, json));
            }
        }
        this.methods = Map.copyOf(found);
    }

    private static List<String> paths(
            io.grpc.ServiceDescriptor service, MethodDescriptor<?, ?> method) {
        if (!(service.getSchemaDescriptor() instanceof ProtoServiceDescriptorSupplier schema)) {
            throw new IllegalArgumentException("without wire definitions: " + service.getName());
        }
        ServiceDescriptor definition = schema.getServiceDescriptor();
        Descriptors.MethodDescriptor defined =
                definition.findMethodByName(method.getBareMethodName());
        List<String> paths = new ArrayList<>();
        if (defined != null && defined.getOptions().hasExtension(AnnotationsProto.http)) {
            HttpRule rule = defined.getOptions().getExtension(AnnotationsProto.http);
            paths.add(rule.getPost());
            rule.getAdditionalBindingsList().forEach(binding -> paths.add(binding.getPost()));
        }
        return paths;
    }

    /// The paths that are known.
    Map<String, JsonMethod> methods() {
        return methods;
    }

    /// Answers the request if its path is below the gateway's.
    ///
    /// @return whether it is
    boolean serve(HttpExchange exchange) {
        String path = exchange.path();
        if (path.startsWith(OLD_PREFIX)) {
            path = PREFIX + path.substring(OLD_PREFIX.length());
        }
        if (!path.startsWith(PREFIX)) {
            return false;
        }
        JsonMethod method = methods.get(path);
        if (method == null) {
            exchange.reply(UNKNOWN);
        } else if (!exchange.method().equals(HttpMethod.POST)) {
            exchange.reply(NOT_POST);
        } else {
            call(exchange, method, method.served());
        }
        return true;
    }

    /// In grpc-gateway's words where a body breaks off, else in those of this parser.
    private static String unparsable(InvalidProtocolBufferException e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof EOFException) {
                return "unexpected EOF";
            }
        }
        return "proto: " + e.getMessage();
    }

    private void call(
            HttpExchange exchange,
            JsonMethod method,
            @Nullable ServerMethodDefinition<?, ?> served) {
        if (served == null) {
            exchange.reply(
                    JsonStatus.reply(
                            Status.UNIMPLEMENTED.withDescription(
                                    "Method not found: " + method.name())));
            return;
        }
        List<String> values = JsonValues.split(exchange.body());
        // Like etcd: the first object counts, or none.
        List<String> counted =
                method.streamsRequests()
                        ? values
                        : List.of(values.isEmpty() ? "{}" : values.getFirst());
        List<Object> requests = new ArrayList<>();
        try {
            for (String value : counted) {
                requests.add(method.parse(served, value));
            }
        } catch (InvalidProtocolBufferException e) {
            exchange.reply(
                    JsonStatus.reply(Status.INVALID_ARGUMENT.withDescription(unparsable(e))));
            return;
        }
        JsonCall.start(exchange, method, served, requests, tracers);
    }
}
