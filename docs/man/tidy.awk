# What scdoc writes, as mandoc -T lint wants it: no paragraph before a heading or an end of indentation or twice, no line
# longer than 80 characters, the title in capitals.
/^\.nf/ { verbatim = 1 }
/^\.fi/ { verbatim = 0 }
/^\.TH/ { sub(/"[^"]*"/, toupper($2)) }
/^\.PP?$/ { paragraph = 1; next }
/^\.RE/ { print; heading = 0; next }
/^\.S[HS]/ { paragraph = 0 }
{
  if (paragraph && !heading) print ".P"
  paragraph = 0
  heading = /^\.(SH|SS|TH)/
  line = $0
  while (!verbatim && line !~ /^\./ && length(line) > 80) {
    for (at = 80; at > 1; at--)
      if (substr(line, at, 1) == " " && substr(line, at + 1, 1) !~ /[.']/) break
    if (at == 1) break
    print substr(line, 1, at - 1)
    line = substr(line, at + 1)
  }
  print line
}
