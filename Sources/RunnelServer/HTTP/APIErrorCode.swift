public import RunnelKit

/// The codes of errors of the HTTP API.
public enum APIErrorCode: String, ErrorCode {
    case ambiguousWorker = "ambiguous-worker"
    case badBody = "bad-body"
    case badHeader = "bad-header"
    case badInput = "bad-input"
    case badParameter = "bad-parameter"
    case badRequest = "bad-request"
    case bodyTooLarge = "body-too-large"
    case chainTooLong = "chain-too-long"
    case deliveryCut = "delivery-cut"
    case deliveryRefused = "delivery-refused"
    case hasEnded = "has-ended"
    case incompleteBody = "incomplete-body"
    case insufficientScope = "insufficient-scope"
    case internalError = "internal"
    case linkUsed = "link-used"
    case malformed
    case methodNotAllowed = "method-not-allowed"
    case noResult = "no-result"
    case noSuchDelivery = "no-such-delivery"
    case noSuchFile = "no-such-file"
    case noSuchHook = "no-such-hook"
    case noSuchPipeline = "no-such-pipeline"
    case noSuchRun = "no-such-run"
    case noSuchStep = "no-such-step"
    case noSuchTrigger = "no-such-trigger"
    case noSuchValue = "no-such-value"
    case noSuchWorker = "no-such-worker"
    case notEnded = "not-ended"
    case notFound = "not-found"
    case notReplayable = "not-replayable"
    case notServed = "not-served"
    case overloaded
    case pipelineInvalid = "pipeline-invalid"
    case secretUnavailable = "secret-unavailable"
    case shuttingDown = "shutting-down"
    case signedOut = "signed-out"
    case sourceGone = "source-gone"
    case sourceUnreadable = "source-unreadable"
    case tooManyAttempts = "too-many-attempts"
    case tooSlow = "too-slow"
    case unauthorized
    case unavailable
    case unsupportedMediaType = "unsupported-media-type"
    case wrongForm = "wrong-form"
    case wrongHost = "wrong-host"
    case wrongOrigin = "wrong-origin"

    /// The heading in the reference.
    public static let part = "The API of a server"

    /// What it means, and what to do.
    public var explanation: ErrorExplanation {
        switch self {
        case .ambiguousWorker: ErrorExplanation("several workers have a name that begins so; write more of it")
        case .badBody:
            ErrorExplanation(
                "the body: expected an object, found …", "the body has a key …; there are …",
                "`…`: expected a time such as 2026-11-24T09:00:00Z, found …",
                "`limit`: expected a number from 1 to …, found …", "`…`: expected true or false, found …",
                "`from` is after `to`", "`to` lies in the future; the schedule runs those ticks itself",
                "there are more than … ticks between `from` and `to`; …",
                "ticks before … may have run already: `dedupe.keep` is …; …")
        case .badHeader:
            ErrorExplanation(
                "Last-Event-ID: expected the number of an event, found …",
                "Idempotency-Key: expected 1 to 200 characters, found …")
        case .badInput: ErrorExplanation("an input of the pipeline is missing, unknown or of the wrong type")
        case .badParameter: ErrorExplanation("a parameter in the URL has a wrong value")
        case .badRequest: ErrorExplanation("the request is not valid HTTP")
        case .bodyTooLarge: ErrorExplanation("the body is larger than …")
        case .chainTooLong: ErrorExplanation("the event was caused by too long a chain of runs")
        case .deliveryCut:
            ErrorExplanation(
                "… of the body are kept, of …, and no run has the rest; ask the sender to deliver it again",
                "the body was not read to its end; ask the sender to deliver it again")
        case .deliveryRefused: ErrorExplanation("the trigger refuses the delivery: …")
        case .hasEnded: ErrorExplanation("the run has ended already: …")
        case .incompleteBody: ErrorExplanation("the body did not come whole")
        case .insufficientScope: ErrorExplanation("the token … has the scope `…`; this needs `…`")
        case .internalError: ErrorExplanation("the request failed; the log says why under …")
        case .linkUsed: ErrorExplanation("the link has been used or has expired; `runnel open` makes a new one")
        case .malformed: ErrorExplanation("the body is not JSON", "the body is not JSON: …")
        case .methodNotAllowed: ErrorExplanation("… is not possible here; ask … with …")
        case .noResult:
            ErrorExplanation("the step \"…\" has no result in the run; retry from that step or an earlier one")
        case .noSuchDelivery: ErrorExplanation("there is no delivery …")
        case .noSuchFile: ErrorExplanation("there is no file …")
        case .noSuchHook: ErrorExplanation("there is no hook at …")
        case .noSuchPipeline: ErrorExplanation("there is no pipeline …")
        case .noSuchRun: ErrorExplanation("the run is gone", "there is no run …")
        case .noSuchStep: ErrorExplanation("the pipeline has no step …; …")
        case .noSuchTrigger:
            ErrorExplanation("the pipeline \"…\" has no trigger …; …", "the pipeline \"…\" has no schedule with ticks")
        case .noSuchValue: ErrorExplanation("the run has no such value")
        case .noSuchWorker: ErrorExplanation("there is no such worker, or the worker … is gone")
        case .notEnded: ErrorExplanation("the run has not ended yet")
        case .notFound: ErrorExplanation("there is nothing at …")
        case .notReplayable: ErrorExplanation("the trigger `…` cannot start a run for a stored delivery")
        case .notServed: ErrorExplanation("the pipeline \"…\" is not served any more")
        case .overloaded: ErrorExplanation("too many bodies are being read; try again in 1 s")
        case .pipelineInvalid:
            ErrorExplanation("the pipeline … has errors: …", hints: "`runnel validate` shows all of them")
        case .secretUnavailable:
            ErrorExplanation(
                "… holds the secret \"…\", which has no value any more",
                hints: "give it a value under `secrets:` in runnel.yaml, by its former name if it was renamed")
        case .shuttingDown: ErrorExplanation("Runnel is shutting down; try again in 5 s")
        case .signedOut: ErrorExplanation("the session has expired; sign in again", "sign in first")
        case .sourceGone:
            ErrorExplanation("what the run was started for is not at \"…\" any more", "…; the run … has it since")
        case .sourceUnreadable: ErrorExplanation("cannot look for \"…\": …")
        case .tooManyAttempts:
            ErrorExplanation("too many wrong tokens came from this address; try again in … s")
        case .tooSlow: ErrorExplanation("the body did not come within …")
        case .unauthorized: ErrorExplanation("the API needs the token: Authorization: Bearer …")
        case .unavailable: ErrorExplanation("runs cannot be stored now; try again in … s")
        case .unsupportedMediaType: ErrorExplanation("the body is …; send application/json instead")
        case .wrongForm: ErrorExplanation("the page is out of date; load it again, then repeat the action")
        case .wrongHost:
            ErrorExplanation(
                "the API answers to localhost only; a token lets others in",
                "this hook lets everybody call, so it answers to localhost and to `server.public_url` only")
        case .wrongOrigin:
            ErrorExplanation(
                "the form was sent by a page of another site",
                "the API does not answer to pages of other sites; a token lets them in",
                "this hook does not answer to pages of other sites; `origins` lets them in")
        }
    }
}
