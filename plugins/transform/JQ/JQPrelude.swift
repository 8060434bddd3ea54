/// The definitions prepended to every program.
///
/// They disable functions that read the environment, write to the terminal or halt, and replace functions of libjq 1.6
/// that crash the evaluator (failed assertion, access out of bounds), loop forever on some inputs, or take an error for
/// the end of the outputs. They are on a single line, so that line numbers of the program stay correct.
enum JQPrelude {
    static let bytes = Array((isolation + safety).replacing("\n", with: " ").utf8)

    private static let isolation = #"""
        {} as $ENV |
        def env: {};
        def halt: error("`halt` is not available: a program ends with its outputs");
        def halt_error: halt;
        def halt_error(code): halt;
        def input: error("`input` is not available: a program has one input, `.`");
        def _input: input;
        def inputs: empty;
        def input_filename: null;
        def input_line_number: 0;
        def debug: .;
        def debug(message): .;
        def stderr: .;
        def modulemeta: error("`modulemeta` is not available: there are no modules");
        def get_search_list: [];
        def get_prog_origin: null;
        def get_jq_origin: null;

        """#

    /// `limit` is that of jq 1.7, because that of jq 1.6 gives one output for a count of 0.
    ///
    /// A name that begins with `_libjq` is an alias of libjq's own function, because a definition that used its own
    /// name would recurse.
    private static let safety = #"""
        def _libjq_error: error;
        def error: if . == null then "null" | _libjq_error else _libjq_error end;
        def error(message): message | error;

        def _libjq_strftime($format): strftime($format);
        def strftime($format):
          if ($format | type) != "string" then error("strftime/1 requires a string format")
          elif type == "number" then gmtime | _libjq_strftime($format)
          else _libjq_strftime($format) end;
        def todateiso8601: strftime("%Y-%m-%dT%H:%M:%SZ");
        def todate: todateiso8601;
        def _libjq_strflocaltime($format): strflocaltime($format);
        def strflocaltime($format):
          if ($format | type) != "string" then error("strflocaltime/1 requires a string format")
          elif type == "number" then localtime | _libjq_strflocaltime($format)
          else _libjq_strflocaltime($format) end;

        def limit($count; f):
          if $count > 0 then
            label $done | foreach f as $item (0; . + 1; $item, if . >= $count then break $done else empty end)
          elif $count == 0 then empty else f end;

        def _libjq_indices($part): indices($part);
        def indices($part): if type == "string" and $part == "" then null else _libjq_indices($part) end;
        def _strindices($part): indices($part);
        def index($part): indices($part) | .[0];
        def rindex($part): indices($part) | .[-1];

        def _libjq_implode: implode;
        def implode:
          if type != "array" then error("implode input must be an array")
          elif all(.[]; type == "number" and . >= 0 and . <= 1114111) then _libjq_implode
          else error("implode input must be an array of Unicode code points") end;

        def _without_nan: if type == "number" and isnan then null else . end;
        def _libjq_tonumber: tonumber;
        def tonumber:
          _libjq_tonumber as $number
          | if $number | isnan then error("\(tojson) cannot be parsed as a number") else $number end;
        def _libjq_fromjson: fromjson;
        def fromjson:
          if type == "string" and contains("nan") then _libjq_fromjson | walk(_without_nan) else _libjq_fromjson end;

        def _libjq_mod($left; $right): $left % $right;
        def _mod(left; right):
          right as $right | left as $left
          | if ([$left, $right] | map(type)) == ["number", "number"] and $right > -2 and $right <= -1 then 0
            else _libjq_mod($left; $right) end;

        def _libjq_match($pattern; $flags): _match_impl($pattern; $flags; false)[];
        def _match_impl($pattern; $flags; $test): error("`_match_impl` is not available");
        def match($pattern; $flags):
          _libjq_match($pattern;
            if ($flags | type) == "string" and ($flags | contains("g")) then $flags + "n" else $flags end);
        def match($pattern):
          if ($pattern | type) == "array" then match($pattern[0]; $pattern[1]) else match($pattern; null) end;
        def _named: reduce (.captures[] | select(.name != null)) as $group ({}; . + {($group.name): $group.string});
        def capture($pattern; $flags): match($pattern; $flags) | _named;
        def capture($pattern): match($pattern) | _named;
        def scan($pattern; $flags):
          match($pattern; "g" + $flags) | if .captures == [] then .string else [.captures[].string] end;
        def scan($pattern): scan($pattern; null);
        def splits($pattern; $flags):
          . as $text
          | [0, (match($pattern; "g" + $flags) | .offset, .offset + .length), ($text | length)] as $cuts
          | range(0; $cuts | length; 2) as $cut
          | $text[$cuts[$cut]:$cuts[$cut + 1]];
        def splits($pattern): splits($pattern; null);
        def split($pattern; $flags): [splits($pattern; $flags)];
        def gsub($pattern; replacement; $flags):
          [match($pattern; "g" + $flags)] as $found
          | if any(match($pattern; ($flags // "") | split("g") | add); .length == 0)
            then error("gsub: the pattern \($pattern | tojson) matches an empty text; jq 1.6 cannot replace that")
            elif $found == [] then .
            else
              explode as $text
              | [range(0; $found | length) as $number
                  | ($text[(if $number == 0 then 0 else $found[$number - 1] | .offset + .length end):$found[$number].offset]
                      | implode),
                    ($found[$number] | _named | replacement)]
                + [$text[($found[-1] | .offset + .length):] | implode]
              | add
            end;
        def gsub($pattern; replacement): gsub($pattern; replacement; "");
        def _libjq_sub($pattern; replacement; $flags): sub($pattern; replacement; $flags);
        def sub($pattern; replacement; $flags):
          if ($flags | type) == "string" and ($flags | contains("g")) then gsub($pattern; replacement; $flags)
          else _libjq_sub($pattern; replacement; $flags) end;

        def _libjq_setpath($path; $value): setpath($path; $value);
        def setpath($path; $value):
          if ($path | type) == "array" and any($path[]; type == "number" and . > 9999999)
          then error("a list cannot have more than 10000000 elements here") else _libjq_setpath($path; $value) end;
        def _assign(paths; $value): reduce path(paths) as $path (.; setpath($path; $value));
        def _modify(paths; update):
          reduce path(paths) as $path (.;
            first(((getpath($path) | update) as $new | setpath($path; $new)), delpaths([$path])));
        def _libjq_fromstream(events): fromstream(events);
        def fromstream(events):
          _libjq_fromstream(events
            | if type == "array" and (.[0] | type) == "array" and any(.[0][]; type == "number" and . > 9999999)
              then error("a list cannot have more than 10000000 elements here") else . end);
        def _libjq_truncate_stream(events): truncate_stream(events);
        def truncate_stream(events): _without_nan | _libjq_truncate_stream(events);

        """#
}
